//! The stand-in for schedules, whose feature is off.

use syn::LitStr;

use crate::diag::Diagnostics;

pub(super) fn check(cron: &LitStr, _: Option<&LitStr>, diag: &mut Diagnostics) {
    diag.error(
        cron,
        "a schedule needs the feature `schedule` of aiotools; write `aiotools = { version = \"..\", features = [\"schedule\"] }`",
    );
}
