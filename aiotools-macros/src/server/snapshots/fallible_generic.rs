/// Documented.
#[inline]
pub fn worker<C>(
    __aiotools_arg0: aiotools::WorkerContext<C, u32>,
) -> ::aiotools::__private::Worker<
    impl ::aiotools::__private::Coroutine<
        Lend = ::aiotools::__private::Owned<()>,
        Resume = ::aiotools::__private::Signal,
        Future: ::core::future::Future<Output = io::Result<()>> + 'static,
    >,
>
where
    C: Config,
{
    ::aiotools::__private::assert_worker_context::<aiotools::WorkerContext<C, u32>>();
    <::aiotools::__private::Worker<
        _,
    >>::new(
        ::aiotools::__private::Body::new(move |
            __aiotools_yield_point: ::aiotools::__private::YieldPoint<
                ::aiotools::__private::Owned<()>,
                ::aiotools::__private::Signal,
            >|
        async move {
            let __aiotools_arg0 = __aiotools_arg0;
            let WorkerContext { .. } = __aiotools_arg0;
            if false {
                let __aiotools_edge: io::Result<()> = ::aiotools::__private::unreachable();
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
                        'yield_must_stand_directly_in_the_body(::aiotools::__private::unreachable());
                        } __aiotools_yield_point.lend($value). await }
                    };
                }
                let signal = yield_!();
                Ok(())
            }
        }),
    )
}
