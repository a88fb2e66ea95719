fn worker(
    _: ::aiotools::__private::WorkerContext,
) -> ::aiotools::__private::Worker<
    impl ::aiotools::__private::Coroutine<
        Lend = ::aiotools::__private::Owned<()>,
        Resume = ::aiotools::__private::Signal,
        Future: ::core::future::Future<Output = ()> + 'static,
    >,
> {
    <::aiotools::__private::Worker<
        _,
    >>::new(
        ::aiotools::__private::Body::new(|
            _: ::aiotools::__private::YieldPoint<
                ::aiotools::__private::Owned<()>,
                ::aiotools::__private::Signal,
            >|
        { ::core::future::pending::<()>() }),
    )
}
::core::compile_error! {
    "a worker is a free function of its context; write `ctx: WorkerContext` instead of `self`"
}
