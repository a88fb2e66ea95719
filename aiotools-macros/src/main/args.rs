//! The arguments of `#[main]`, as written.

use proc_macro2::TokenStream;
use syn::parse::ParseStream;
use syn::{LitInt, LitStr, Path};

use crate::args::{self, Key};
use crate::choice::{self, Choice};
use crate::diag::Diagnostics;
use crate::krate::Krate;
use crate::slot::Slot;

const FLAVORS: &[&str] = &["current_thread", "multi_thread"];

const KEYS: &[Key] = &[
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
        name: "drain_timeout",
        usage: "drain_timeout = \"10s\"",
        mistaken_for: &["drain", "timeout", "deadline", "grace"],
    },
    Key {
        name: "fork_server",
        usage: "fork_server",
        mistaken_for: &["fork", "forkserver"],
    },
    Key {
        name: "crate",
        usage: "crate = path",
        mistaken_for: &["krate", "path"],
    },
];

#[derive(Default)]
pub(super) struct Args {
    pub(super) flavor: Slot<Choice>,
    pub(super) worker_threads: Slot<LitInt>,
    pub(super) drain_timeout: Slot<LitStr>,
    pub(super) fork_server: Slot<()>,
    pub(super) krate: Slot<Path>,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut this = Self::default();
        args::parse(tokens, "main", KEYS, diag, |key, input, diag| {
            let name = key.to_string();
            let usage = KEYS.iter().find(|known| known.name == name);
            let usage = usage.map_or("", |known| known.usage);
            match name.as_str() {
                "flavor" => {
                    let parse = |input: ParseStream<'_>| choice::parse(input, FLAVORS);
                    let flavor = args::value_with(key, usage, input, parse)?;
                    this.flavor.set(key.clone(), flavor, diag);
                }
                "worker_threads" => {
                    let count = args::value(key, usage, input)?;
                    this.worker_threads.set(key.clone(), count, diag);
                }
                "drain_timeout" => {
                    let text = args::value(key, usage, input)?;
                    this.drain_timeout.set(key.clone(), text, diag);
                }
                "fork_server" => {
                    args::flag(key, input)?;
                    this.fork_server.set(key.clone(), (), diag);
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
