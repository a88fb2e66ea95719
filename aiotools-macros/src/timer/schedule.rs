//! Cron expressions and time zones, checked when they compile.

use syn::LitStr;

use crate::diag::Diagnostics;

pub(super) fn check(cron: &LitStr, tz: Option<&LitStr>, diag: &mut Diagnostics) {
    use std::str::FromStr;

    if let Err(error) = croner::Cron::from_str(&cron.value()) {
        diag.error(
            cron,
            format!("not a cron expression: {error}; write one such as `\"0 3 * * *\"`"),
        );
    }
    if let Some(tz) = tz
        && jiff::tz::TimeZone::get(&tz.value()).is_err()
    {
        diag.error(
            tz,
            "there is no such time zone; write one such as `\"Europe/Berlin\"` or `\"UTC\"`",
        );
    }
}
