/// Documented.
#[track_caller]
pub fn tick<T: Clone>(self: Arc<Self>, __aiotools_arg2: (u8, T)) -> aio::__private::Timer
where
    T: Send,
{
    aio::__private::start_timer(
        aio::__private::TimerBuilder::new(::core::time::Duration::new(90u64, 0u32))
            .policy(aio::__private::TimerDelayPolicy::Cancel)
            .first(aio::__private::TimerStart::AfterInterval)
            .jitter(::core::time::Duration::new(1u64, 0u32))
            .name("poll"),
        move |__aiotools_interval: ::core::time::Duration| {
            let _ = __aiotools_interval;
            let __aiotools_self = aio::__private::clone_argument(&self);
            let __aiotools_arg2 = aio::__private::clone_argument(&__aiotools_arg2);
            async move {
                #[allow(
                    unreachable_code,
                    clippy::diverging_sub_expression,
                    clippy::needless_return
                )]
                if false {
                    return aio::__private::unreachable::<io::Result<()>>();
                }
                let (a, mut b) = __aiotools_arg2;
                let interval: Duration = __aiotools_interval;
                __aiotools_self.send(a, b).await
            }
        },
    )
}
