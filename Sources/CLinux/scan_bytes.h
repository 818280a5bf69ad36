// Finds the places in a block of bytes where one of a few words may begin, 32 bytes at a time.
//
// Each word has a bit of its own (words may share one) and four bytes of it are looked for; a byte is told by its
// two halves, so that one table look-up per half and byte tells all words at once: "Teddy", from Hyperscan. Swift
// has no name for the instruction that looks up, and none for choosing at run time.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct muster_fingerprints {
    // For each of the four bytes and each value of a half: the words that have it there.
    uint8_t low[4][16];
    uint8_t high[4][16];
};

// The bits of the words that may have their four bytes at a place.
static inline uint8_t muster_fingerprints_at(const struct muster_fingerprints *words, const uint8_t *place) {
    uint8_t bits = 0xFF;
    for (int index = 0; index < 4; index += 1) {
        bits &= words->low[index][place[index] & 15] & words->high[index][place[index] >> 4];
    }
    return bits;
}

#if defined(__x86_64__)
typedef char muster_v32 __attribute__((vector_size(32)));
typedef char muster_v32u __attribute__((vector_size(32), aligned(1)));
typedef char muster_v16u __attribute__((vector_size(16), aligned(1)));
typedef short muster_v16s __attribute__((vector_size(32)));

__attribute__((target("avx2"))) static inline muster_v32 muster_twice(const uint8_t *table) {
    const muster_v16u half = *(const muster_v16u *)table;
    return __builtin_shufflevector(half, half, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4,
                                   5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

__attribute__((target("avx2"))) static inline muster_v32 muster_look_up(muster_v32 low, muster_v32 high,
                                                                        const uint8_t *place) {
    const muster_v32 bytes = *(const muster_v32u *)place;
    const muster_v32 low_half = (muster_v32)((muster_v32)bytes & 15);
    const muster_v32 high_half = (muster_v32)((muster_v16s)bytes >> 4) & 15;
    return (muster_v32)__builtin_ia32_pshufb256(low, low_half) & (muster_v32)__builtin_ia32_pshufb256(high, high_half);
}

__attribute__((target("avx2"))) static inline ptrdiff_t muster_scan_avx2(const struct muster_fingerprints *words,
                                                                         const uint8_t *base, ptrdiff_t from,
                                                                         ptrdiff_t end) {
    const muster_v32 low0 = muster_twice(words->low[0]), high0 = muster_twice(words->high[0]);
    const muster_v32 low1 = muster_twice(words->low[1]), high1 = muster_twice(words->high[1]);
    const muster_v32 low2 = muster_twice(words->low[2]), high2 = muster_twice(words->high[2]);
    const muster_v32 low3 = muster_twice(words->low[3]), high3 = muster_twice(words->high[3]);
    for (ptrdiff_t place = from; place < end; place += 32) {
        const muster_v32 bits = muster_look_up(low0, high0, base + place) &
                                muster_look_up(low1, high1, base + place + 1) &
                                muster_look_up(low2, high2, base + place + 2) &
                                muster_look_up(low3, high3, base + place + 3);
        const uint32_t found = ~(uint32_t)__builtin_ia32_pmovmskb256((muster_v32)(bits == 0));
        if (found != 0) {
            const ptrdiff_t at = place + __builtin_ctz(found);
            return at < end ? at : end;
        }
    }
    return end;
}
#endif

// The first place in [from, end) where four bytes of a word stand, or end.
//
// 35 bytes after end must be readable; what they hold does not matter.
static inline ptrdiff_t muster_scan(const struct muster_fingerprints *words, const uint8_t *base, ptrdiff_t from,
                                    ptrdiff_t end, int wide) {
#if defined(__x86_64__)
    if (wide) return muster_scan_avx2(words, base, from, end);
#endif
    (void)wide;
    for (ptrdiff_t place = from; place < end; place += 1) {
        if (muster_fingerprints_at(words, base + place) != 0) return place;
    }
    return end;
}

// Whether this processor can look at 32 bytes at a time.
static inline int muster_scan_is_wide(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2");
#else
    return 0;
#endif
}

// glibc has it, but Swift's Glibc is made without _GNU_SOURCE and does not show it.
extern void *memrchr(const void *base, int byte, size_t length);

// Where a byte stands last in a block; -1 when it is not there.
static inline ptrdiff_t muster_last(const uint8_t *base, ptrdiff_t length, uint8_t byte) {
    const uint8_t *found = length > 0 ? (const uint8_t *)memrchr(base, byte, (size_t)length) : NULL;
    return found == NULL ? -1 : found - base;
}

#if defined(__x86_64__)
__attribute__((target("avx2,popcnt"))) static inline ptrdiff_t muster_count_avx2(const uint8_t *base, ptrdiff_t length,
                                                                                 uint8_t byte) {
    const muster_v32 wanted = (muster_v32){} + (char)byte;
    ptrdiff_t count = 0;
    ptrdiff_t place = 0;
    for (; place + 32 <= length; place += 32) {
        const muster_v32 bytes = *(const muster_v32u *)(base + place);
        count += __builtin_popcount((uint32_t)__builtin_ia32_pmovmskb256((muster_v32)(bytes == wanted)));
    }
    for (; place < length; place += 1) count += base[place] == byte;
    return count;
}
#endif

// How often a byte stands in a block.
static inline ptrdiff_t muster_count(const uint8_t *base, ptrdiff_t length, uint8_t byte, int wide) {
#if defined(__x86_64__)
    if (wide) return muster_count_avx2(base, length, byte);
#endif
    (void)wide;
    ptrdiff_t count = 0;
    for (ptrdiff_t place = 0; place < length; place += 1) count += base[place] == byte;
    return count;
}
