//! The life of a child, from the fork to its exit.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{ChildContext, signals};

/// Exit code of a child that panicked, as for a panic in `main`.
const PANICKED: u8 = 101;

/// Runs `body` and ends the process. All signals must be blocked.
pub(super) fn run(ctx: ChildContext, body: impl FnOnce(ChildContext) -> u8) -> ! {
    signals::reset();
    let code = catch_unwind(AssertUnwindSafe(|| body(ctx))).unwrap_or(PANICKED);
    std::process::exit(code.into())
}
