fn worker(
    _: WorkerContext<Config>,
) -> ::aiotools::__private::Worker<
    impl ::aiotools::__private::Coroutine<
        Lend = ::aiotools::__private::Owned<()>,
        Resume = ::aiotools::__private::Signal,
        Future: ::core::future::Future<Output = io::Result<()>> + 'static,
    >,
> {
    ::aiotools::__private::assert_worker_context::<WorkerContext<Config>>();
    <::aiotools::__private::Worker<
        _,
    >>::new(
        ::aiotools::__private::Body::new(|
            _: ::aiotools::__private::YieldPoint<
                ::aiotools::__private::Owned<()>,
                ::aiotools::__private::Signal,
            >|
        { ::core::future::pending::<io::Result<()>>() }),
    )
}
::core::compile_error! {
    "a worker owns its context; write `ctx: WorkerContext`"
}
::core::compile_error! {
    "a worker takes nothing but its context; pass more with `Server::args` and read it with `ctx.args()`"
}
::core::compile_error! {
    "`#[server]` goes on an `async fn`; write `async fn`"
}
::core::compile_error! {
    "a worker yields no value; write `-> io::Result<()>`, or no return type"
}
::core::compile_error! {
    "a worker yields no value; write `yield_!()`"
}
::core::compile_error! {
    "this function may fail, so its body ends in `Result<(), E>`; write `Ok(())` at its end, or leave out the last `;` if the expression is a result"
}
