#!/usr/bin/env bash
# Makes Sources/MusterWire/Generated again from Protocols/muster/v1. Needs protoc (Debian: protobuf-compiler)
# and Swift; the generator is built from the swift-protobuf that Package.swift names.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v protoc >/dev/null || {
    echo "generate.sh: protoc is missing: apt-get install protobuf-compiler" >&2
    exit 69
}
swift build --product protoc-gen-swift
out=Sources/MusterWire/Generated
rm -rf "$out" && mkdir -p "$out"
protoc -I Protocols \
    --plugin=protoc-gen-swift="$(swift build --show-bin-path)/protoc-gen-swift" \
    --swift_opt=Visibility=Package --swift_opt=FileNaming=DropPath \
    --swift_out="$out" Protocols/muster/v1/*.proto
