//! The arguments of `#[test]`, as written.

use proc_macro2::TokenStream;
use syn::parse::ParseStream;
use syn::{LitInt, LitStr, Path};

use crate::args::{self, Key};
use crate::choice::{self, Choice};
use crate::diag::Diagnostics;
use crate::krate::Krate;
use crate::slot::Slot;

pub(crate) const FLAVORS: &[&str] = &["current_thread", "multi_thread"];

const KEYS: &[Key] = &[
    Key {
        name: "virtual_clock",
        usage: "virtual_clock",
        mistaken_for: &["start_paused", "paused", "virtual_time"],
    },
    Key {
        name: "flavor",
        usage: "flavor = current_thread | multi_thread",
        mistaken_for: &["runtime", "flavour"],
    },
    Key {
        name: "worker_threads",
        usage: "worker_threads = 2",
        mistaken_for: &["threads", "workers"],
    },
    Key {
        name: "timeout",
        usage: "timeout = \"5s\"",
        mistaken_for: &["limit", "deadline"],
    },
    Key {
        name: "crate",
        usage: "crate = path",
        mistaken_for: &["krate", "path"],
    },
];

#[derive(Default)]
pub(super) struct Args {
    pub(super) virtual_clock: Slot<()>,
    pub(super) flavor: Slot<Choice>,
    pub(super) worker_threads: Slot<LitInt>,
    pub(super) timeout: Slot<LitStr>,
    pub(super) krate: Slot<Path>,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut this = Self::default();
        args::parse(tokens, "test", KEYS, diag, |key, input, diag| {
            let name = key.to_string();
            let usage = KEYS.iter().find(|known| known.name == name);
            let usage = usage.map_or("", |known| known.usage);
            match name.as_str() {
                "virtual_clock" => {
                    args::flag(key, input)?;
                    this.virtual_clock.set(key.clone(), (), diag);
                }
                "flavor" => {
                    let parse = |input: ParseStream<'_>| choice::parse(input, FLAVORS);
                    let flavor = args::value_with(key, usage, input, parse)?;
                    this.flavor.set(key.clone(), flavor, diag);
                }
                "worker_threads" => {
                    let count = args::value(key, usage, input)?;
                    this.worker_threads.set(key.clone(), count, diag);
                }
                "timeout" => {
                    let text = args::value(key, usage, input)?;
                    this.timeout.set(key.clone(), text, diag);
                }
                _ => {
                    let path = args::value_with(key, usage, input, Krate::parse)?;
                    this.krate.set(key.clone(), path, diag);
                }
            }
            Ok(())
        });
        this
    }
}
