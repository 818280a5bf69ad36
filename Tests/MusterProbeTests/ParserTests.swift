import MusterCore
import Testing

@testable import MusterProbe

/// What kernels really write, and what no kernel should.
struct ParserTests {
    @Test func processNamesMayHoldBlanksAndParentheses() throws {
        let line =
            "812 (tmux: server) (1)) S 1 812 812 0 -1 4194624 1200 0 3 0 250 50 0 0 20 0 7 0 12345 9437184 1024 "
            + "18446744073709551615 1 1 0 0 0 0 0 4096 1256 0 0 0 17 1 0 0 0 0 0\n"
        let reading = try #require(ProcessReading(stat: Array(line.utf8)))
        #expect(reading.pid == 812)
        #expect(reading.name == "tmux: server) (1)")
        #expect(reading.state == "S")
        #expect(reading.parent == 1)
        #expect(reading.ticks == 300)
        #expect(reading.threads == 7)
        #expect(reading.startTicks == 12345)
        #expect(reading.residentPages == 1024)
    }

    @Test func disksAreCountedWithoutPartitionsAndLoopDevices() {
        let text = """
               7       0 loop0 12 0 90 4 0 0 0 0 0 8 4 0 0 0 0 0 0
             259       0 nvme0n1 5000 10 400000 900 2000 20 160000 800 0 1500 1700 0 0 0 0 0 0
             259       1 nvme0n1p1 4000 10 300000 800 2000 20 160000 800 0 1400 1600 0 0 0 0 0 0
             254       1 dm-1 10 0 80 1 5 0 40 1 0 2 2 0 0 0 0 0 0
             254      10 dm-10 20 0 160 1 5 0 40 1 0 3 2 0 0 0 0 0 0
               8      16 sdb 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
               8      32 sdc 1 2 three
            """
        let disks = DiskReading.parse(diskstats: Array(text.utf8))
        #expect(disks.map(\.device) == ["nvme0n1", "dm-1", "dm-10"])
        #expect(disks[0].readBytes == 400_000 * 512)
        #expect(disks[0].writtenBytes == 160_000 * 512)
        #expect(disks[0].operations == 7000)
        #expect(disks[0].busyMilliseconds == 1500)
    }

    @Test func interfacesAreReadWithAndWithoutBlankAfterTheColon() {
        let text = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                lo: 23770457   53724    0    0    0     0          0         0 23770457   53724    0    0    0     0       0          0
              ifb0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
              eth0:196141513    3827    1    2    0     0          0         0   157348    2183    3    4    0     0       0          0
            eth0:1: 5 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0
            """
        let interfaces = NetworkReading.parse(netDev: Array(text.utf8))
        #expect(interfaces.map(\.interface) == ["eth0", "eth0:1"])
        #expect(interfaces[0].receivedBytes == 196_141_513)
        #expect(interfaces[0].sentBytes == 157_348)
        #expect(interfaces[0].faults == 10)
    }

    @Test func socketsOfBothFamiliesAreRead() {
        let text = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 00000000:07E8 00000000:0000 0A 00000000:00000005 00:00000000 00000000     0        0 511 1 000000003c211316 100 0 0 10 0
               1: 0100007F:1F90 0200007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 777 1 0000 20 4 30 10 -1
               2: 0100007F 0200007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 777 1
               3: 0000000000000000FFFF00000100007F:0016 B80D0120000000000000000001000000:C350 63 0:0 00:00 0 0 0 9 1
            """
        let sockets = SocketReading.parse(procNetTCP: Array(text.utf8))
        #expect(sockets.count == 3)
        #expect(sockets[0].localAddress == "0.0.0.0")
        #expect(sockets[0].localPort == 2024)
        #expect(sockets[0].state == "LISTEN")
        #expect(sockets[0].receiveQueue == 5)
        #expect(sockets[1].remoteAddress == "127.0.0.2")
        #expect(sockets[1].inode == 777)
        #expect(sockets[2].localAddress == "127.0.0.1")
        #expect(sockets[2].remoteAddress == "2001:db8::1")
        #expect(sockets[2].state == "UNKNOWN")

        let summary = SocketsQuestion.summary(sockets, port: 0) {
            $0 == 511 ? SocketsQuestion.Owner(pid: 42, name: "sshd", service: "ssh") : nil
        }
        #expect(summary.listening.map(\.process) == ["sshd"])
        #expect(summary.listening.map(\.service) == ["ssh"])
        #expect(summary.addresses == [], "loopback says nothing of where a host is")
        #expect(summary.peers.map(\.outgoing) == [true, true])
        #expect(summary.states == ["LISTEN": 1, "ESTABLISHED": 1, "UNKNOWN": 1])
    }

    @Test func mountsKeepBlanksAndLeaveOutImagesAndNetworks() {
        let text = """
            /dev/vda / ext4 rw,relatime,discard 0 0
            server:/home /home nfs4 rw 0 0
            /dev/sdb1 /mnt/my\\040disk xfs rw,noquota 0 0
            image /snap/tool tmpfs ro,nosuid,size=4k 0 0
            odd
            """
        let mounts = Mount.parse(mounts: Array(text.utf8))
        #expect(mounts.count == 4)
        #expect(mounts.filter(\.isLocal).map(\.path) == ["/", "/mnt/my disk"])
    }

    @Test func smallFilesAreRead() throws {
        let cpu = try #require(
            CPUTimes(procStat: Array("cpu  313793 5 49114 3121077 6306 1 929 8672 0 0\n".utf8))
        )
        #expect(cpu.user == 313_798)
        #expect(cpu.interrupt == 930)
        #expect(cpu.total == 313_798 + 49_114 + 3_121_077 + 6306 + 930 + 8672)
        let pressure = PressureReading(
            resource: "io",
            pressure: Array("some avg10=0.00 avg60=0.12 avg300=0.00 total=4711\n".utf8)
        )
        #expect(pressure.someMicroseconds == 4711)
        #expect(pressure.fullMicroseconds == nil)
        let memory = try #require(
            MemoryReading(
                meminfo: Array("MemTotal: 2048 kB\nMemAvailable: 1024 kB\nOdd\nHugePages_Total: 0\n".utf8)
            )
        )
        #expect(memory.total == 2 << 20)
        #expect(memory.available == 1 << 20)
        let load = try #require(LoadReading(loadavg: Array("0.33 0.37 0.21 1/88 29746\n".utf8)))
        #expect(load.oneMinute == 0.33)
        #expect(load.processes == 88)
        let system = HostFacts.values(
            osRelease: Array("# note\nID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n\nX=\"\n".utf8)
        )
        #expect(system["PRETTY_NAME"] == "Debian GNU/Linux 12")
        #expect(system["ID"] == "debian")
    }

    @Test func noInputTrapsAParser() {
        var random = SystemRandomNumberGenerator()
        let seeds = [
            "1 (a) S 1 1 1 0 -1 4 1 0 3 0 99999999999999999999 1 0 0 20 0 7 0 1 9 1 1",
            "  0: FFFFFFFFFFFFFFFF:FFFFFFFF 0:0 FFFFFFFFFFFFFFFFF :::: 1 2 3 4 5 6 7",
            "8 0 sda 9223372036854775807 1 9223372036854775807 1 9223372036854775807 1 1 1 1 1 1 1 1",
            "eth0: 9223372036854775807 1 1 9223372036854775807 1 1 1 1 1 1 1 1 1 1 1 1",
            "cpu 9223372036854775807", "MemTotal: 99999999999999999 kB", "1e999 nan inf 1/", "some total=-5",
            "dev /a\\04 ext4 rw", "dev /a\\777\\0 ext4 r",
        ]
        for seed in seeds {
            for length in 0...seed.utf8.count {
                var bytes = Array("heading\n".utf8) + Array(seed.utf8).prefix(length)
                if length > 8, let index = bytes.indices.randomElement(using: &random) {
                    bytes[index] = .random(in: 0...255)
                }
                _ = ProcessReading(stat: bytes)
                _ = SocketReading.parse(procNetTCP: bytes)
                _ = DiskReading.parse(diskstats: bytes)
                _ = NetworkReading.parse(netDev: bytes)
                _ = CPUTimes(procStat: bytes)
                _ = MemoryReading(meminfo: bytes)
                _ = LoadReading(loadavg: bytes)
                _ = PressureReading(resource: "cpu", pressure: bytes)
                _ = Mount.parse(mounts: bytes)
                _ = HostFacts.values(osRelease: bytes)
            }
        }
    }
}
