pub fn setup(
    _: &Path,
) -> ::aiotools::__private::MainContext<
    impl ::aiotools::__private::Coroutine<
        Lend = ::aiotools::__private::Owned<&'static str>,
        Resume = ::aiotools::__private::Signal,
        Future: ::core::future::Future<Output = Result<(), Error>> + 'static,
    >,
> {
    <::aiotools::__private::MainContext<
        _,
    >>::new(
        ::aiotools::__private::Body::new(|
            _: ::aiotools::__private::YieldPoint<
                ::aiotools::__private::Owned<&'static str>,
                ::aiotools::__private::Signal,
            >|
        { ::core::future::pending::<Result<(), Error>>() }),
    )
}
::core::compile_error! {
    "a main context runs in the parent process, which has no runtime; remove `async`"
}
::core::compile_error! {
    "a main context lives as long as the server, so it cannot borrow; take an owned value (`String`, `PathBuf`, `Arc<T>`)"
}
::core::compile_error! {
    "the value goes to the workers and cannot borrow; yield an owned value"
}
::core::compile_error! {
    "this function may fail, so its body ends in `Result<(), E>`; write `Ok(())` at its end, or leave out the last `;` if the expression is a result"
}
