#![deny(warnings, missing_docs, unsafe_op_in_unsafe_fn)]
//! Kept.

use aiotools::actxmgr;

/// Documented.
#[cfg(any())]
#[actxmgr]
pub async fn gone(x: Missing) -> Missing {
    yield_!(x);
}

/// Documented.
#[inline]
#[actxmgr]
#[allow(unused_variables)]
pub(crate) async fn lints(unused: u32) -> u32 {
    let also_unused = 1;
    yield_!(1);
}

/// Documented.
///
/// # Safety
///
/// None.
#[actxmgr]
pub async unsafe fn dangerous(n: u8) -> u8 {
    yield_!(n);
}

fn main() {
    let _ = lints(1);
}
