//! The arguments of `#[timer]`, as written.

use proc_macro2::TokenStream;
use syn::{LitStr, Path};

use crate::args::{self, Key};
use crate::choice::Choice;
use crate::diag::Diagnostics;
use crate::slot::Slot;

pub(super) const POLICIES: &[&str] = &["accumulate", "cancel", "skip", "queue"];
pub(super) const STARTS: &[&str] = &["immediately", "after_interval"];

const KEYS: &[Key] = &[
    Key {
        name: "interval",
        usage: "interval = \"1s\"",
        mistaken_for: &["every", "period", "delay"],
    },
    Key {
        name: "policy",
        usage: "policy = accumulate | cancel | skip | queue",
        mistaken_for: &[
            "delay_policy",
            "overlap",
            "on_overlap",
            "missed_tick_behavior",
        ],
    },
    Key {
        name: "start",
        usage: "start = immediately | after_interval",
        mistaken_for: &["first", "immediate"],
    },
    Key {
        name: "jitter",
        usage: "jitter = \"100ms\"",
        mistaken_for: &["splay", "random_delay"],
    },
    Key {
        name: "name",
        usage: "name = \"..\"",
        mistaken_for: &["task_name", "label"],
    },
    Key {
        name: "schedule",
        usage: "schedule = \"0 3 * * *\"",
        mistaken_for: &["cron"],
    },
    Key {
        name: "tz",
        usage: "tz = \"Europe/Berlin\"",
        mistaken_for: &["timezone", "time_zone"],
    },
    args::CRATE,
];

#[derive(Default)]
pub(super) struct Args {
    pub(super) interval: Slot<LitStr>,
    pub(super) policy: Slot<Choice>,
    pub(super) start: Slot<Choice>,
    pub(super) jitter: Slot<LitStr>,
    pub(super) name: Slot<LitStr>,
    pub(super) schedule: Slot<LitStr>,
    pub(super) tz: Slot<LitStr>,
    pub(super) krate: Slot<Path>,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut this = Self::default();
        args::parse(tokens, "timer", KEYS, diag, |arg| match arg.name() {
            "interval" => arg.value(&mut this.interval),
            "policy" => arg.choice(&mut this.policy, POLICIES),
            "start" => arg.choice(&mut this.start, STARTS),
            "jitter" => arg.value(&mut this.jitter),
            "name" => arg.value(&mut this.name),
            "schedule" => arg.value(&mut this.schedule),
            "tz" => arg.value(&mut this.tz),
            _ => arg.krate(&mut this.krate),
        });
        this
    }
}
