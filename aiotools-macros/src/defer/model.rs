//! `#[defer]` and `#[adefer]` with every rule checked.

use super::args::Args;
use super::places;
use crate::diag::Diagnostics;
use crate::item_fn::FnItem;
use crate::krate::Krate;
use crate::return_type::Returned;

pub(super) struct Model {
    pub(super) krate: Krate,
    pub(super) returned: Returned,
    /// The body can be expanded; what else may be wrong leads to no errors in it.
    pub(super) expands: bool,
}

impl Model {
    pub(super) fn new(attribute: &str, args: &Args, item: &FnItem, diag: &mut Diagnostics) -> Self {
        match (attribute, &item.sig.asyncness) {
            ("defer", Some(asyncness)) => diag.error(
                asyncness,
                "`#[defer]` goes on a function that is not async; write `#[adefer]`",
            ),
            ("adefer", None) => diag.error(
                item.sig.fn_token,
                "`#[adefer]` goes on an `async fn`; write `async fn`, or `#[defer]`",
            ),
            _ => {}
        }
        if places::first(&item.body).is_none() {
            diag.error(
                &item.sig.ident,
                "this function defers nothing; write `defer!(..)` in it, or remove the attribute",
            );
        }
        let expands = diag.passes(|diag| {
            if let Some(constness) = &item.sig.constness {
                diag.error(
                    constness,
                    "a function that defers cannot be `const`; remove `const`",
                );
            }
            if let Some(block) = item.block() {
                places::check(&block, diag);
            }
        });
        Self {
            krate: Krate::new(args.krate.value()),
            returned: Returned::new(&item.sig.output, item.sig.ident.span()),
            expands,
        }
    }
}
