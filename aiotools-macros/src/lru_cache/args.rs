//! The arguments of `#[lru_cache]`, as written.

use proc_macro2::TokenStream;
use syn::{Expr, ExprClosure, LitStr, Path, Token};

use crate::args::{self, Key};
use crate::choice::{self, Choice};
use crate::diag::Diagnostics;
use crate::krate::Krate;
use crate::slot::Slot;

pub(super) const ON_ERROR: &[&str] = &["share", "retry"];

const KEYS: &[Key] = &[
    Key {
        name: "max_size",
        usage: "max_size = 128 | unlimited",
        mistaken_for: &["maxsize", "size", "capacity", "max_capacity"],
    },
    Key {
        name: "expire_after",
        usage: "expire_after = \"1m\"",
        mistaken_for: &["ttl", "time_to_live", "time"],
    },
    Key {
        name: "stale_while_revalidate",
        usage: "stale_while_revalidate = \"1m\"",
        mistaken_for: &["stale", "swr", "stale_for"],
    },
    Key {
        name: "key",
        usage: "key = |argument| ..",
        mistaken_for: &["convert", "key_fn"],
    },
    Key {
        name: "cache",
        usage: "cache = self.field",
        mistaken_for: &["field", "store"],
    },
    Key {
        name: "on_error",
        usage: "on_error = share | retry",
        mistaken_for: &["errors", "result"],
    },
    Key {
        name: "crate",
        usage: "crate = path",
        mistaken_for: &["krate", "path"],
    },
];

#[derive(Default)]
pub(super) struct Args {
    pub(super) max_size: Slot<Expr>,
    pub(super) expire_after: Slot<LitStr>,
    pub(super) stale_while_revalidate: Slot<Option<LitStr>>,
    pub(super) key: Slot<ExprClosure>,
    pub(super) cache: Slot<Expr>,
    pub(super) on_error: Slot<Choice>,
    pub(super) krate: Slot<Path>,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut this = Self::default();
        args::parse(tokens, "lru_cache", KEYS, diag, |key, input, diag| {
            let name = key.to_string();
            let usage = KEYS.iter().find(|known| known.name == name);
            let usage = usage.map_or("", |known| known.usage);
            match name.as_str() {
                "max_size" => {
                    let size = args::value(key, usage, input)?;
                    this.max_size.set(key.clone(), size, diag);
                }
                "expire_after" => {
                    let age = args::value(key, usage, input)?;
                    this.expire_after.set(key.clone(), age, diag);
                }
                "stale_while_revalidate" => {
                    // With `cache` it is a flag.
                    let window = match input.peek(Token![=]) {
                        true => Some(args::value(key, usage, input)?),
                        false => None,
                    };
                    this.stale_while_revalidate.set(key.clone(), window, diag);
                }
                "key" => {
                    let closure = args::value(key, usage, input)?;
                    this.key.set(key.clone(), closure, diag);
                }
                "cache" => {
                    let cache = args::value(key, usage, input)?;
                    this.cache.set(key.clone(), cache, diag);
                }
                "on_error" => {
                    let parse = |input: syn::parse::ParseStream<'_>| choice::parse(input, ON_ERROR);
                    let chosen = args::value_with(key, usage, input, parse)?;
                    this.on_error.set(key.clone(), chosen, diag);
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
