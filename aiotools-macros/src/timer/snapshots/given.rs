#[track_caller]
fn tick(
    __aiotools_interval: ::core::time::Duration,
    n: u32,
) -> ::aiotools::__private::Timer {
    ::aiotools::__private::start_timer(
        ::aiotools::__private::TimerBuilder::new(__aiotools_interval),
        move |__aiotools_interval: ::core::time::Duration| {
            let _ = __aiotools_interval;
            let n = ::aiotools::__private::clone_argument(&n);
            async move {
                #[allow(
                    unreachable_code,
                    clippy::diverging_sub_expression,
                    clippy::needless_return
                )]
                if false {
                    return ::aiotools::__private::unreachable::<()>();
                }
                let n = n;
                let interval: Duration = __aiotools_interval;
            }
        },
    )
}
