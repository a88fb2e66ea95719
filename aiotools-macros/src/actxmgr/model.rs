//! `#[actxmgr]` with every rule checked.

use super::args::Args;
use crate::body_rules;
use crate::borrows;
use crate::diag::Diagnostics;
use crate::duration::DurationLit;
use crate::item_fn::FnItem;
use crate::krate::Krate;
use crate::return_type::Returned;
use crate::yields::Subject;

const SUBJECT: Subject = Subject {
    name: "a manager",
    example: "yield_!(value)",
    sync: false,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Shared,
    Local,
    Scoped,
}

pub(super) struct Model {
    pub(super) kind: Kind,
    pub(super) krate: Krate,
    pub(super) returned: Returned,
    pub(super) cleanup_timeout: Option<DurationLit>,
    /// The body can be expanded; what else may be wrong leads to no errors in it.
    pub(super) expands: bool,
}

impl Model {
    pub(super) fn new(args: &Args, item: &FnItem, diag: &mut Diagnostics) -> Self {
        let mut model = Self {
            kind: kind(args, diag),
            krate: Krate::new(args.krate.value()),
            returned: Returned::new(&item.sig.output, item.sig.ident.span()),
            cleanup_timeout: DurationLit::given(args.cleanup_timeout.value(), diag),
            expands: true,
        };
        if item.sig.asyncness.is_none() {
            diag.error(
                item.sig.fn_token,
                "`#[actxmgr]` goes on an `async fn`; write `async fn`",
            );
        }
        if let Some(constness) = &item.sig.constness {
            diag.error(constness, "a manager cannot be `const`; remove `const`");
        }
        model.expands = diag.passes(|diag| {
            if model.kind != Kind::Scoped {
                borrows::check(
                    item,
                    "the cleanup of this manager may outlive its caller, so it cannot borrow; take an owned value \
                     (`String`, `Arc<T>`, `self: Arc<Self>`), or write `#[actxmgr(scoped)]`",
                    diag,
                );
            }
            body_rules::check(item, &SUBJECT, model.returned.fallible, diag);
        });
        model
    }
}

fn kind(args: &Args, diag: &mut Diagnostics) -> Kind {
    match (args.local.key(), args.scoped.key()) {
        (Some(_), Some(scoped)) => {
            diag.error(
                scoped,
                "a manager is `local` or `scoped`; keep one (a scoped manager need not be `Send` either)",
            );
            Kind::Scoped
        }
        (Some(_), None) => Kind::Local,
        (None, Some(_)) => Kind::Scoped,
        (None, None) => Kind::Shared,
    }
}
