//! The rules for a body that yields, the same for all attributes.

use syn::spanned::Spanned;
use syn::{Expr, ExprMacro, Stmt};

use crate::diag::Diagnostics;
use crate::item_fn::FnItem;
use crate::yields::{self, Subject};

/// It yields, where it can be suspended, once on each path; and if it may fail, it ends in a result.
pub(crate) fn check(item: &FnItem, subject: &Subject, fallible: bool, diag: &mut Diagnostics) {
    let block = item.block();
    let found = match &block {
        Some(block) => yields::check(block, subject, diag),
        None => yields::any(&item.body),
    };
    if !found {
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
    let Some(block) = block else { return };
    if let Some(Stmt::Expr(Expr::Macro(ExprMacro { mac, .. }), None)) = block.stmts.last()
        && mac.path.is_ident(yields::YIELD)
    {
        diag.error(
            &mac.path,
            if fallible {
                "this function may fail, so its body ends in `Result<(), E>`; write `;` behind `yield_!` and \
                 `Ok(())` at its end"
            } else {
                "the body ends with nothing; write `;` behind `yield_!`"
            },
        );
    } else if fallible {
        check_end(block.stmts.last(), &item.braces, diag);
    }
}

fn check_end(last: Option<&Stmt>, braces: &proc_macro2::Group, diag: &mut Diagnostics) {
    let blamed = match last {
        Some(Stmt::Expr(_, None)) => return,
        Some(Stmt::Macro(stmt)) if stmt.semi_token.is_none() || !yields::comes_back(&stmt.mac) => {
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
