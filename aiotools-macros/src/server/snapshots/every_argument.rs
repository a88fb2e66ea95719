fn worker(
    ctx: WorkerContext,
) -> aio::__private::Worker<
    impl aio::__private::Coroutine<
        Lend = aio::__private::Owned<()>,
        Resume = aio::__private::Signal,
        Future: ::core::future::Future<Output = ()> + 'static,
    >,
> {
    aio::__private::assert_worker_context::<WorkerContext>();
    <aio::__private::Worker<
        _,
    >>::new(
        aio::__private::Body::new(move |
            __aiotools_yield_point: aio::__private::YieldPoint<
                aio::__private::Owned<()>,
                aio::__private::Signal,
            >|
        async move {
            let ctx = ctx;
            if false {
                let __aiotools_edge: () = aio::__private::unreachable();
                return __aiotools_edge;
            }
            'yield_must_stand_directly_in_the_body: {
                #[allow(unused_macros)]
                macro_rules! yield_ {
                    () => {
                        yield_!(())
                    };
                    ($value:expr $(,)?) => {
                        { if false { break
                        'yield_must_stand_directly_in_the_body(aio::__private::unreachable());
                        } __aiotools_yield_point.lend($value). await }
                    };
                }
                yield_!();
            }
        }),
    )
}
