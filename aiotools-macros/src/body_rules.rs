//! The rules for a body that yields, the same for all attributes.

use syn::Stmt;
use syn::spanned::Spanned;

use crate::diag::Diagnostics;
use crate::item_fn::FnItem;
use crate::yields::{self, Subject};

/// It yields, where it can be suspended, once on each path; and if it may fail, it ends in a result.
pub(crate) fn check(item: &FnItem, subject: &Subject, fallible: bool, diag: &mut Diagnostics) {
    if !yields::any(&item.body) {
        let Subject { name, example, .. } = subject;
        diag.error(
            &item.sig.ident,
            format!(
                "{name} yields once, and this function has no `yield_!`; write `{example}` between its set-up \
                 and its cleanup"
            ),
        );
        return;
    }
    // What does not parse goes to rustc, which says why.
    let Some(block) = item.block() else { return };
    yields::check(&block, subject, diag);
    if fallible {
        check_end(block.stmts.last(), &item.braces, diag);
    }
}

fn check_end(last: Option<&Stmt>, braces: &proc_macro2::Group, diag: &mut Diagnostics) {
    let blamed = match last {
        Some(Stmt::Expr(_, None)) => return,
        Some(Stmt::Macro(stmt)) if stmt.semi_token.is_none() || yields::is_panic(&stmt.mac) => {
            return;
        }
        Some(Stmt::Expr(expr, _)) if yields::diverges(expr) => return,
        Some(Stmt::Expr(_, Some(semi))) => semi.span(),
        Some(Stmt::Macro(stmt)) => stmt.semi_token.span(),
        Some(_) | None => braces.span_close(),
    };
    diag.push(syn::Error::new(
        blamed,
        "this function may fail, so its body ends in `Result<(), E>`; write `Ok(())` at its end, or leave out \
         the last `;` if the expression is a result",
    ));
}
