//! `#[server]` with every rule checked.

use syn::{FnArg, Type};

use super::args::Args;
use crate::body_rules;
use crate::diag::Diagnostics;
use crate::item_fn::FnItem;
use crate::krate::Krate;
use crate::return_type::{self, Returned};
use crate::yields::Subject;

const SUBJECT: Subject = Subject {
    name: "a worker",
    example: "yield_!()",
    sync: false,
};

pub(super) struct Model {
    pub(super) krate: Krate,
    /// `()`, or `Result<(), E>`.
    pub(super) returned: Returned,
    /// The type of the context; `None` if it is missing.
    pub(super) context: Option<Type>,
}

impl Model {
    pub(super) fn new(args: &Args, item: &FnItem, diag: &mut Diagnostics) -> Self {
        let model = Self {
            krate: Krate::new(args.krate.value()),
            returned: Returned::new(&item.sig.output, item.sig.ident.span()),
            context: context(item, diag),
        };
        if item.sig.asyncness.is_none() {
            diag.error(
                item.sig.fn_token,
                "`#[server]` goes on an `async fn`; write `async fn`",
            );
        }
        if !is_unit(&model.returned.value) {
            diag.error(
                &model.returned.value,
                "a worker yields no value; write `-> io::Result<()>`, or no return type",
            );
        }
        body_rules::check(item, &SUBJECT, model.returned.fallible, diag);
        model
    }
}

fn context(item: &FnItem, diag: &mut Diagnostics) -> Option<Type> {
    let mut params = item.sig.inputs.iter();
    let context = match params.next() {
        Some(FnArg::Typed(typed)) => {
            let mut ty = &*typed.ty;
            if let Some(borrow) = return_type::elided(ty) {
                diag.error(
                    borrow,
                    "a worker owns its context; write `ctx: WorkerContext`",
                );
            }
            while let Type::Reference(reference) = ty {
                ty = &reference.elem;
            }
            Some(ty.clone())
        }
        Some(FnArg::Receiver(receiver)) => {
            diag.error(
                receiver,
                "a worker is a free function of its context; write `ctx: WorkerContext` instead of `self`",
            );
            None
        }
        None => {
            diag.error(
                &item.sig.ident,
                "a worker takes its context; write `ctx: WorkerContext` as its parameter",
            );
            None
        }
    };
    for extra in params {
        diag.error(
            extra,
            "a worker takes nothing but its context; pass more with `Server::args` and read it with `ctx.args()`",
        );
    }
    context
}

fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}
