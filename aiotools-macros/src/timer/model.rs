//! `#[timer]` with every rule checked.

use syn::{FnArg, Ident, LitStr, Pat, PatType};

use super::args::Args;
use crate::borrows;
use crate::diag::Diagnostics;
use crate::duration::DurationLit;
use crate::item_fn::FnItem;
use crate::krate::Krate;

/// When it ticks.
pub(super) enum When {
    Interval(DurationLit),
    /// The starter takes the interval.
    Given,
    Schedule {
        cron: LitStr,
        tz: Option<LitStr>,
    },
}

pub(super) struct Model {
    pub(super) krate: Krate,
    pub(super) when: When,
    pub(super) policy: Option<usize>,
    pub(super) start: Option<usize>,
    pub(super) jitter: Option<DurationLit>,
    pub(super) name: Option<LitStr>,
    pub(super) expands: bool,
}

impl Model {
    pub(super) fn new(args: &Args, item: &FnItem, diag: &mut Diagnostics) -> Self {
        let interval = DurationLit::given(args.interval.value(), diag);
        let jitter = DurationLit::given(args.jitter.value(), diag);
        if let (Some(interval), Some(jitter), Some(text)) = (interval, jitter, args.jitter.value())
            && jitter.get() > interval.get()
        {
            diag.error(
                text,
                "the jitter is longer than the interval; write a shorter one",
            );
        }
        let when = match (args.schedule.value(), interval) {
            (Some(cron), _) => {
                schedule(args, cron, item, diag);
                When::Schedule {
                    cron: cron.clone(),
                    tz: args.tz.value().cloned(),
                }
            }
            (None, Some(interval)) => When::Interval(interval),
            (None, None) => When::Given,
        };
        if let (None, Some(key)) = (args.schedule.value(), args.tz.key()) {
            diag.error(key, "a time zone belongs to a schedule; write `schedule = \"0 3 * * *\"` too, or remove `tz`");
        }
        if item.sig.asyncness.is_none() {
            diag.error(
                item.sig.fn_token,
                "`#[timer]` goes on an `async fn`; write `async fn`",
            );
        }
        borrows::check(
            item,
            "the ticks of a timer outlive the call that starts it, so they cannot borrow; take an owned value, or an `Arc`",
            diag,
        );
        Self {
            krate: Krate::new(args.krate.value()),
            when,
            policy: args.policy.value().map(|choice| choice.index),
            start: args.start.value().map(|choice| choice.index),
            jitter,
            name: args.name.value().cloned(),
            expands: !diag.has_errors(),
        }
    }
}

fn schedule(args: &Args, cron: &LitStr, item: &FnItem, diag: &mut Diagnostics) {
    if let Some(key) = args.interval.key() {
        diag.error(
            key,
            "a timer has an interval or a schedule, not both; remove one",
        );
    }
    if let Some(key) = args.start.key() {
        diag.error(
            key,
            "a schedule says itself when the first tick is; remove `start`",
        );
    }
    if let Some((param, _)) = interval_param(item) {
        diag.error(
            &item.sig.inputs[param],
            "a timer with a schedule has no interval; remove this parameter",
        );
    }
    super::schedule::check(cron, args.tz.value(), diag);
}

/// The parameter that is given the interval.
pub(super) fn interval_param(item: &FnItem) -> Option<(usize, &PatType)> {
    let mut params = item.sig.inputs.iter().enumerate();
    params.find_map(|(n, param)| match param {
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(name) if is_interval(&name.ident) => Some((n, typed)),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    })
}

fn is_interval(name: &Ident) -> bool {
    name == "interval" || name == "_interval"
}
