fn setup() -> ::aiotools::__private::MainContext<
    impl ::aiotools::__private::Coroutine<
        Lend = ::aiotools::__private::Owned<impl Display + 'static>,
        Resume = ::aiotools::__private::Signal,
        Future: ::core::future::Future<Output = ()> + 'static,
    >,
> {
    <::aiotools::__private::MainContext<
        _,
    >>::new(
        ::aiotools::__private::Body::new(move |
            __aiotools_yield_point: ::aiotools::__private::YieldPoint<
                ::aiotools::__private::Owned<_>,
                ::aiotools::__private::Signal,
            >|
        async move {
            if false {
                let __aiotools_edge: () = ::aiotools::__private::unreachable();
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
                yield_!(1);
            }
        }),
    )
}
