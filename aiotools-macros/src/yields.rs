//! Where a function yields: the checks that a body yields, at a place that can be suspended, and once
//! on each path.
//!
//! What stands inside other macros cannot be seen as a tree. A `yield_!` in there counts as one that may
//! be reached, and what is missed here is caught when it happens: a closure or an async block by the
//! label in the expansion of `yield_!`, a second yield by the coroutine, at run time.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Expr, Ident, Macro, Stmt};

use crate::diag::Diagnostics;

/// The name of the marker.
pub(crate) const YIELD: &str = "yield_";

/// What to call the function in messages, and whether it may await.
pub(crate) struct Subject {
    /// With an article: `a manager`.
    pub(crate) name: &'static str,
    /// What to write where it yields.
    pub(crate) example: &'static str,
    pub(crate) sync: bool,
}

impl Subject {
    /// Whether it yields `()` and nothing else.
    fn yields_nothing(&self) -> bool {
        self.example == "yield_!()"
    }
}

/// Reports the yields of `block` that stand where they may not. Returns whether there was one at all.
pub(crate) fn check(block: &Block, subject: &Subject, diag: &mut Diagnostics) -> bool {
    let mut walk = Walk {
        subject,
        diag,
        place: Place::Body,
        flow: Flow::default(),
        found: false,
    };
    walk.visit_block(block);
    walk.found
}

/// Whether the tokens of a body contain a `yield_!` at all.
pub(crate) fn any(body: &TokenStream) -> bool {
    first(body.clone()).is_some()
}

/// Finds the first `yield_!` among tokens.
fn first(tokens: TokenStream) -> Option<Ident> {
    let mut before: Option<Ident> = None;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '!' => {
                if let Some(ident) = before.take().filter(|ident| ident == YIELD) {
                    return Some(ident);
                }
            }
            TokenTree::Ident(ident) => {
                before = Some(ident);
                continue;
            }
            TokenTree::Group(group) => {
                if let Some(ident) = first(group.stream()) {
                    return Some(ident);
                }
            }
            _ => {}
        }
        before = None;
    }
    None
}

/// Whether an expression, by its looks, never comes back.
pub(crate) fn diverges(expr: &Expr) -> bool {
    match expr {
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => true,
        Expr::Loop(endless) => !has_break(&endless.body),
        Expr::Macro(mac) => is_panic(&mac.mac),
        Expr::Block(block) => block_diverges(&block.block),
        Expr::Unsafe(block) => block_diverges(&block.block),
        Expr::If(branch) => {
            block_diverges(&branch.then_branch)
                && branch
                    .else_branch
                    .as_ref()
                    .is_some_and(|(_, e)| diverges(e))
        }
        Expr::Match(branch) => {
            !branch.arms.is_empty() && branch.arms.iter().all(|arm| diverges(&arm.body))
        }
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => path.path.segments.last().is_some_and(|name| {
                matches!(
                    name.ident.to_string().as_str(),
                    "exit" | "abort" | "panic_any" | "resume_unwind"
                )
            }),
            _ => false,
        },
        _ => false,
    }
}

fn block_diverges(block: &Block) -> bool {
    block.stmts.iter().any(|stmt| match stmt {
        Stmt::Expr(expr, _) => diverges(expr),
        Stmt::Macro(stmt) => is_panic(&stmt.mac),
        _ => false,
    })
}

fn has_break(block: &Block) -> bool {
    struct Breaks(bool);
    impl Visit<'_> for Breaks {
        fn visit_expr_break(&mut self, _: &syn::ExprBreak) {
            self.0 = true;
        }
        fn visit_macro(&mut self, mac: &Macro) {
            self.0 |= mac.tokens.to_string().contains("break");
        }
    }
    let mut breaks = Breaks(false);
    breaks.visit_block(block);
    breaks.0
}

pub(crate) fn is_panic(mac: &Macro) -> bool {
    matches!(
        name(mac).as_str(),
        "panic" | "unreachable" | "todo" | "unimplemented" | "bail" | "compile_error"
    )
}

/// Whether a macro is known to come back. Of others we cannot tell: they may hide a `return`.
pub(crate) fn comes_back(mac: &Macro) -> bool {
    matches!(
        name(mac).as_str(),
        "yield_"
            | "print"
            | "println"
            | "eprint"
            | "eprintln"
            | "write"
            | "writeln"
            | "format"
            | "format_args"
            | "vec"
            | "dbg"
            | "matches"
            | "assert"
            | "assert_eq"
            | "assert_ne"
            | "debug_assert"
            | "debug_assert_eq"
            | "debug_assert_ne"
            | "pin"
            | "trace"
            | "debug"
            | "info"
            | "warn"
            | "error"
    )
}

fn name(mac: &Macro) -> String {
    let last = mac.path.segments.last();
    last.map(|name| name.ident.to_string()).unwrap_or_default()
}

/// Whether a macro is one of tokio's whose branches run in place.
fn select(mac: &Macro) -> bool {
    matches!(name(mac).as_str(), "select" | "join" | "try_join")
}

/// An attribute that gives a function a `yield_!` of its own.
fn is_ours(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|name| {
        matches!(
            name.ident.to_string().as_str(),
            "actxmgr" | "server" | "main_context"
        )
    })
}

fn is_cfg(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("cfg"))
}

/// The attributes of a statement.
fn attributes(stmt: &Stmt) -> &[Attribute] {
    match stmt {
        Stmt::Local(local) => &local.attrs,
        Stmt::Macro(mac) => &mac.attrs,
        Stmt::Expr(Expr::Block(expr), _) => &expr.attrs,
        Stmt::Expr(Expr::If(expr), _) => &expr.attrs,
        Stmt::Expr(Expr::Match(expr), _) => &expr.attrs,
        Stmt::Expr(Expr::Macro(expr), _) => &expr.attrs,
        Stmt::Expr(Expr::Return(expr), _) => &expr.attrs,
        _ => &[],
    }
}

/// What encloses the code that is being walked, innermost.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Body,
    Loop,
    Closure,
    AsyncBlock,
    Item,
}

/// What is known about the paths that lead to the code that is being walked.
#[derive(Clone, Copy, Default)]
struct Flow {
    /// One of them has yielded.
    yielded: bool,
    /// There is none: the code before has returned or panicked.
    ended: bool,
}

impl Flow {
    /// Where two paths meet.
    fn join(self, other: Self) -> Self {
        match (self.ended, other.ended) {
            (true, false) => other,
            (false, true) => self,
            _ => Self {
                yielded: self.yielded || other.yielded,
                ended: self.ended,
            },
        }
    }
}

struct Walk<'a> {
    subject: &'a Subject,
    diag: &'a mut Diagnostics,
    place: Place,
    flow: Flow,
    /// There was a `yield_!`, wherever it stood.
    found: bool,
}

impl Walk<'_> {
    fn within(&mut self, place: Place, walk: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.place, place);
        walk(self);
        self.place = outer;
    }

    /// Code that may or may not run.
    fn maybe(&mut self, walk: impl FnOnce(&mut Self)) {
        let skipped = self.flow;
        walk(self);
        self.flow = self.flow.join(skipped);
    }

    /// Code of which one branch runs.
    fn branches<T>(
        &mut self,
        branches: impl IntoIterator<Item = T>,
        mut walk: impl FnMut(&mut Self, T),
    ) {
        let before = self.flow;
        let mut after: Option<Flow> = None;
        for branch in branches {
            self.flow = before;
            walk(self, branch);
            after = Some(after.map_or(self.flow, |flow| flow.join(self.flow)));
        }
        self.flow = after.unwrap_or(before);
    }

    fn ends(&mut self) {
        self.flow.ended = true;
    }

    /// A yield that may be reached. `again` says whether a second one can be told from here.
    fn yields(&mut self, at: Span) {
        let name = self.subject.name;
        self.found = true;
        let message = match self.place {
            Place::Loop => format!(
                "{name} yields once, and a loop may run again; move `yield_!` out of the loop"
            ),
            Place::Closure => {
                format!("a closure cannot yield for {name}; move `yield_!` out of the closure")
            }
            Place::AsyncBlock => format!(
                "a nested async block cannot yield for {name}; move `yield_!` out of the block"
            ),
            Place::Item => {
                format!("an inner function cannot yield for {name}; move `yield_!` out of it")
            }
            Place::Body if self.flow.yielded && !self.flow.ended => format!(
                "{name} yields once on each path, and this is the second `yield_!` on one; remove it, or return before it"
            ),
            Place::Body => {
                self.flow.yielded = true;
                return;
            }
        };
        self.diag.push(syn::Error::new(at, message));
    }
}

impl Visit<'_> for Walk<'_> {
    fn visit_macro(&mut self, mac: &Macro) {
        if mac.path.is_ident(YIELD) {
            if let Ok(value) = syn::parse2::<Expr>(mac.tokens.clone()) {
                self.visit_expr(&value);
                if self.subject.yields_nothing() {
                    self.diag.error(
                        &mac.tokens,
                        format!("{} yields no value; write `yield_!()`", self.subject.name),
                    );
                }
            }
            self.yields(mac.path.span());
        } else if let Some(ident) = first(mac.tokens.clone()) {
            self.yields(ident.span());
        }
        if !comes_back(mac) && !select(mac) {
            self.ends();
        }
    }

    /// A statement that may have been compiled out tells nothing about the ones behind it.
    fn visit_stmt(&mut self, stmt: &Stmt) {
        let before = self.flow;
        visit::visit_stmt(self, stmt);
        if is_cfg(attributes(stmt)) {
            self.flow = before;
        }
    }

    fn visit_expr_if(&mut self, branch: &syn::ExprIf) {
        self.visit_expr(&branch.cond);
        let otherwise = branch.else_branch.as_ref().map(|(_, e)| &**e);
        self.branches([true, false], |this, then| match otherwise {
            _ if then => this.visit_block(&branch.then_branch),
            Some(otherwise) => this.visit_expr(otherwise),
            None => {}
        });
    }

    fn visit_expr_match(&mut self, branch: &syn::ExprMatch) {
        self.visit_expr(&branch.expr);
        self.branches(&branch.arms, |this, arm| {
            let before = this.flow;
            this.visit_pat(&arm.pat);
            this.visit_expr(&arm.body);
            if is_cfg(&arm.attrs) {
                this.flow = before;
            }
        });
    }

    fn visit_expr_binary(&mut self, binary: &syn::ExprBinary) {
        self.visit_expr(&binary.left);
        match binary.op {
            syn::BinOp::And(_) | syn::BinOp::Or(_) => {
                self.maybe(|this| this.visit_expr(&binary.right))
            }
            _ => self.visit_expr(&binary.right),
        }
    }

    fn visit_local(&mut self, local: &syn::Local) {
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
            if let Some((_, diverge)) = &init.diverge {
                self.maybe(|this| {
                    this.visit_expr(diverge);
                    this.ends();
                });
            }
        }
    }

    fn visit_expr_return(&mut self, expr: &syn::ExprReturn) {
        visit::visit_expr_return(self, expr);
        self.ends();
    }

    fn visit_expr_break(&mut self, expr: &syn::ExprBreak) {
        visit::visit_expr_break(self, expr);
        self.ends();
    }

    fn visit_expr_continue(&mut self, _: &syn::ExprContinue) {
        self.ends();
    }

    fn visit_expr_loop(&mut self, expr: &syn::ExprLoop) {
        let before = self.flow;
        self.within(Place::Loop, |this| this.visit_block(&expr.body));
        self.flow = Flow {
            ended: !has_break(&expr.body),
            ..before
        };
    }

    fn visit_expr_while(&mut self, expr: &syn::ExprWhile) {
        self.within(Place::Loop, |this| {
            this.maybe(|this| {
                this.visit_expr(&expr.cond);
                this.visit_block(&expr.body);
            });
        });
    }

    fn visit_expr_for_loop(&mut self, expr: &syn::ExprForLoop) {
        self.visit_expr(&expr.expr);
        self.within(Place::Loop, |this| {
            this.maybe(|this| this.visit_block(&expr.body))
        });
    }

    fn visit_expr_closure(&mut self, expr: &syn::ExprClosure) {
        let before = self.flow;
        self.within(Place::Closure, |this| this.visit_expr(&expr.body));
        self.flow = before;
    }

    fn visit_expr_async(&mut self, expr: &syn::ExprAsync) {
        let before = self.flow;
        self.within(Place::AsyncBlock, |this| this.visit_block(&expr.block));
        self.flow = before;
    }

    fn visit_expr_await(&mut self, expr: &syn::ExprAwait) {
        visit::visit_expr_await(self, expr);
        if self.subject.sync && !matches!(self.place, Place::AsyncBlock | Place::Item) {
            self.diag.error(
                expr.await_token,
                format!(
                    "{} runs where there is no runtime and cannot await; remove `.await`",
                    self.subject.name
                ),
            );
        }
    }

    fn visit_item(&mut self, item: &syn::Item) {
        if let syn::Item::Fn(function) = item
            && function.attrs.iter().any(is_ours)
        {
            return;
        }
        let before = self.flow;
        self.within(Place::Item, |this| visit::visit_item(this, item));
        self.flow = before;
    }
}
