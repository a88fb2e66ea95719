/// Documented.
#[inline]
pub fn setup<P>(
    path: P,
    __aiotools_arg1: (u32, u32),
) -> ::aiotools::__private::MainContext<
    impl ::aiotools::__private::Coroutine<
        Lend = ::aiotools::__private::Owned<Config>,
        Resume = ::aiotools::__private::Signal,
        Future: ::core::future::Future<Output = io::Result<()>> + 'static,
    >,
>
where
    P: AsRef<Path> + 'static,
{
    <::aiotools::__private::MainContext<
        _,
    >>::new(
        ::aiotools::__private::Body::new(move |
            __aiotools_yield_point: ::aiotools::__private::YieldPoint<
                ::aiotools::__private::Owned<Config>,
                ::aiotools::__private::Signal,
            >|
        async move {
            let path = path;
            let __aiotools_arg1 = __aiotools_arg1;
            let (a, mut b) = __aiotools_arg1;
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
                let signal = yield_!(Config::read(path) ?);
                Ok(())
            }
        }),
    )
}
