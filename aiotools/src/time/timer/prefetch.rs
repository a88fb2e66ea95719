//! [`prefetch`]: many timers lie all over the memory, and a batch of them is not to wait for one cache miss after the other.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "there is no safe name for this instruction; the argument is below"
    )
)]

/// Asks for a value that will soon be used, and does not wait for it.
#[inline]
pub(super) fn prefetch<T: ?Sized>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        const LINE: usize = 64;
        let start: *const i8 = std::ptr::from_ref(value).cast();
        for offset in (0..size_of_val(value)).step_by(LINE) {
            // SAFETY: a prefetch reads nothing and never faults; the processors of this architecture have it.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(offset)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
