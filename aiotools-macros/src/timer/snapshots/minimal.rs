#[track_caller]
fn tick() -> ::aiotools::__private::Timer {
    ::aiotools::__private::start_timer(
        ::aiotools::__private::TimerBuilder::new(
            ::core::time::Duration::new(1u64, 0u32),
        ),
        move |__aiotools_interval: ::core::time::Duration| {
            let _ = __aiotools_interval;
            async move {
                #[allow(
                    unreachable_code,
                    clippy::diverging_sub_expression,
                    clippy::needless_return
                )]
                if false {
                    return ::aiotools::__private::unreachable::<()>();
                }
            }
        },
    )
}
