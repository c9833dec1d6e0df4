//! Words by AVX2 or AVX-512, carry-less multiplication and BMI2.
#![allow(unsafe_code, reason = "vector instructions; each use is behind the detection in `detected`")]

use std::arch::x86_64::{
    __m256i, __m512i, _MM_HINT_T0, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_prefetch, _mm_set_epi64x,
    _mm_set1_epi8, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8,
    _mm512_cmpeq_epi8_mask, _mm512_loadu_si512, _mm512_set1_epi8, _pdep_u64,
};

use crate::words::{Marks, Masks, Words, Work};

/// How far ahead bytes are asked for: what a scan passes over while memory answers.
const AHEAD: usize = 2048;

/// The fast implementation. Its methods may only run inside [`Avx2::run`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2 {
    /// Constructed by `detected` only.
    seal: (),
}

impl Avx2 {
    /// The right to use the instructions, if this processor has them.
    pub(crate) fn detected() -> Option<Avx2> {
        let has_all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("pclmulqdq");
        has_all.then_some(Avx2 { seal: () })
    }

    /// Runs `work`, compiled for these instructions.
    pub(crate) fn run<T: Work>(&self, work: T) -> T::Output {
        #[target_feature(enable = "avx2,bmi1,bmi2,popcnt,pclmulqdq")]
        fn inner<T: Work>(work: T) -> T::Output {
            work.run::<Avx2>()
        }
        let () = self.seal;
        // SAFETY: `self` exists, so `detected` found all the features that `inner` enables.
        unsafe { inner(work) }
    }
}

/// As [`Avx2`], with one comparison a word where that takes four instructions. Its methods may only run inside
/// [`Avx512::run`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512 {
    /// Constructed by `detected` only.
    seal: Avx2,
}

impl Avx512 {
    /// The right to use the instructions, if this processor has them.
    pub(crate) fn detected() -> Option<Avx512> {
        let seal = Avx2::detected()?;
        let has_all = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        has_all.then_some(Avx512 { seal })
    }

    /// Runs `work`, compiled for these instructions.
    pub(crate) fn run<T: Work>(&self, work: T) -> T::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx2,bmi1,bmi2,popcnt,pclmulqdq")]
        fn inner<T: Work>(work: T) -> T::Output {
            work.run::<Avx512>()
        }
        let Avx2 { seal: () } = self.seal;
        // SAFETY: `self` exists, so `detected` found all the features that `inner` enables.
        unsafe { inner(work) }
    }
}

impl Words for Avx2 {
    #[inline(always)]
    fn masks(word: &[u8; 64], marks: Marks) -> Masks {
        let find = |byte: u8| Self::find(word, byte);
        Masks { separators: find(marks.separator), newlines: find(b'\n'), quotes: marks.quote.map_or(0, find) }
    }

    #[inline(always)]
    fn find(word: &[u8; 64], byte: u8) -> u64 {
        // SAFETY: the two unaligned loads lie inside the 64 bytes; the instructions exist (see the struct's contract).
        unsafe {
            let low = _mm256_loadu_si256(word.as_ptr().cast::<__m256i>());
            let high = _mm256_loadu_si256(word.as_ptr().add(32).cast::<__m256i>());
            let wanted = _mm256_set1_epi8(byte.cast_signed());
            let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)).cast_unsigned();
            let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)).cast_unsigned();
            u64::from(low) | u64::from(high) << 32
        }
    }

    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        // SAFETY: no memory is touched; the instructions exist (see the struct's contract).
        unsafe {
            let product = _mm_clmulepi64_si128(_mm_set_epi64x(0, bits.cast_signed()), _mm_set1_epi8(-1), 0);
            _mm_cvtsi128_si64(product).cast_unsigned()
        }
    }

    #[inline(always)]
    fn select(bits: u64, n: u32) -> u32 {
        // SAFETY: no memory is touched; the instruction exists (see the struct's contract).
        unsafe { _pdep_u64(1 << n, bits) }.trailing_zeros()
    }

    #[inline(always)]
    fn prefetch(word: &[u8; 64]) {
        // SAFETY: a hint, whose address need not be one of memory.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(word.as_ptr().wrapping_add(AHEAD).cast()) };
    }
}

impl Words for Avx512 {
    #[inline(always)]
    fn masks(word: &[u8; 64], marks: Marks) -> Masks {
        let find = |byte: u8| Self::find(word, byte);
        Masks { separators: find(marks.separator), newlines: find(b'\n'), quotes: marks.quote.map_or(0, find) }
    }

    #[inline(always)]
    fn find(word: &[u8; 64], byte: u8) -> u64 {
        // SAFETY: the unaligned load is that of the 64 bytes; the instructions exist (see the struct's contract).
        unsafe {
            let word = _mm512_loadu_si512(word.as_ptr().cast::<__m512i>());
            _mm512_cmpeq_epi8_mask(word, _mm512_set1_epi8(byte.cast_signed()))
        }
    }

    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        Avx2::prefix_xor(bits)
    }

    #[inline(always)]
    fn select(bits: u64, n: u32) -> u32 {
        Avx2::select(bits, n)
    }

    #[inline(always)]
    fn prefetch(word: &[u8; 64]) {
        Avx2::prefetch(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::tests::Check;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn vector_words(word in prop::collection::vec(prop::sample::select(b"a,\n\"".to_vec()), 64)) {
            let word: [u8; 64] = word.try_into().unwrap();
            if let Some(avx2) = Avx2::detected() {
                avx2.run(Check { word: &word, quote: Some(b'"') });
                avx2.run(Check { word: &word, quote: None });
            }
            if let Some(avx512) = Avx512::detected() {
                avx512.run(Check { word: &word, quote: Some(b'"') });
                avx512.run(Check { word: &word, quote: None });
            }
        }
    }
}
