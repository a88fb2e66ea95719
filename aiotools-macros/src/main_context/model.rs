//! `#[main_context]` with every rule checked.

use super::args::Args;
use crate::body_rules;
use crate::borrows;
use crate::diag::Diagnostics;
use crate::item_fn::FnItem;
use crate::krate::Krate;
use crate::return_type::{self, Returned};
use crate::yields::Subject;

const SUBJECT: Subject = Subject {
    name: "a main context",
    example: "yield_!(value)",
    sync: true,
};

pub(super) struct Model {
    pub(super) krate: Krate,
    pub(super) returned: Returned,
}

impl Model {
    pub(super) fn new(args: &Args, item: &FnItem, diag: &mut Diagnostics) -> Self {
        let model = Self {
            krate: Krate::new(args.krate.value()),
            returned: Returned::new(&item.sig.output, item.sig.ident.span()),
        };
        if let Some(asyncness) = &item.sig.asyncness {
            diag.error(
                asyncness,
                "a main context runs in the parent process, which has no runtime; remove `async`",
            );
        }
        borrows::check(
            item,
            "a main context lives as long as the server, so it cannot borrow; take an owned value \
             (`String`, `PathBuf`, `Arc<T>`)",
            diag,
        );
        if let Some(borrow) = return_type::elided(&model.returned.value) {
            diag.error(
                borrow,
                "the value goes to the workers and cannot borrow; yield an owned value",
            );
        }
        body_rules::check(item, &SUBJECT, model.returned.fallible, diag);
        model
    }
}
