//! The arguments of `#[timer]`, as written.

use proc_macro2::TokenStream;
use syn::{LitStr, Path};

use crate::args::{self, Key};
use crate::choice::{self, Choice};
use crate::diag::Diagnostics;
use crate::krate::Krate;
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
    Key {
        name: "crate",
        usage: "crate = path",
        mistaken_for: &["krate", "path"],
    },
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
        args::parse(tokens, "timer", KEYS, diag, |key, input, diag| {
            let name = key.to_string();
            let usage = KEYS.iter().find(|known| known.name == name);
            let usage = usage.map_or("", |known| known.usage);
            match name.as_str() {
                "policy" => {
                    let parse = |input: syn::parse::ParseStream<'_>| choice::parse(input, POLICIES);
                    let chosen = args::value_with(key, usage, input, parse)?;
                    this.policy.set(key.clone(), chosen, diag);
                }
                "start" => {
                    let parse = |input: syn::parse::ParseStream<'_>| choice::parse(input, STARTS);
                    let chosen = args::value_with(key, usage, input, parse)?;
                    this.start.set(key.clone(), chosen, diag);
                }
                "crate" => {
                    let path = args::value_with(key, usage, input, Krate::parse)?;
                    this.krate.set(key.clone(), path, diag);
                }
                _ => {
                    let text: LitStr = args::value(key, usage, input)?;
                    let slot = match name.as_str() {
                        "interval" => &mut this.interval,
                        "jitter" => &mut this.jitter,
                        "schedule" => &mut this.schedule,
                        "tz" => &mut this.tz,
                        _ => &mut this.name,
                    };
                    slot.set(key.clone(), text, diag);
                }
            }
            Ok(())
        });
        this
    }
}
