/// Documented.
pub fn transaction<T: Send>(
    &self,
    _: (u32, T),
) -> ::aiotools::__private::Manager<
    impl ::aiotools::__private::Coroutine<
        Lend = ::aiotools::__private::Mut<Tx>,
        Resume = ::aiotools::__private::Exit,
        Future = impl ::core::future::Future<
            Output = Result<(), Error>,
        > + ::core::marker::Send + 'static,
    >,
> {
    <::aiotools::__private::Manager<
        _,
    >>::shared(
        ::aiotools::__private::Spec::new(
            &::aiotools::__private::About {
                name: ::core::concat!(::core::module_path!(), "::", "transaction"),
                cleanup_timeout: ::core::option::Option::None,
            },
        ),
        ::aiotools::__private::Body::new(|
            _: ::aiotools::__private::YieldPoint<
                ::aiotools::__private::Mut<Tx>,
                ::aiotools::__private::Exit,
            >|
        { ::core::future::pending::<Result<(), Error>>() }),
    )
}
::core::compile_error! {
    "`#[actxmgr]` has no argument `colour`; it has `local`, `scoped`, `cleanup_timeout = \"5s\"`, `crate = path`"
}
::core::compile_error! {
    "the cleanup of this manager may outlive its caller, so it cannot borrow; take an owned value (`String`, `Arc<T>`, `self: Arc<Self>`), or write `#[actxmgr(scoped)]`"
}
::core::compile_error! {
    "a closure cannot yield for a manager; move `yield_!` out of the closure"
}
::core::compile_error! {
    "this function may fail, so its body ends in `Result<(), E>`; write `Ok(())` at its end, or leave out the last `;` if the expression is a result"
}
