//! Where a timer belongs, and how it ends.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use aiotools::{
    Exit, TaskGroup, TaskScope, Timer, TimerBuilder, TimerDelayPolicy as Policy, VirtualClock,
    actxmgr, create_timer, move_on_after,
};

use crate::support::{Log, POLICIES, ms, sleep, tick};

/// G2: the group ends when the ticks of its timers have cleaned up.
#[test]
fn a_group_waits_for_ticks_of_a_dropped_timer() {
    for policy in POLICIES {
        VirtualClock::run(async {
            let log = Log::default();
            let l = log.clone();
            TaskGroup::scope(async move |_| {
                let timer = create_timer(move |_| tick(l.clone(), 1000, 70), ms(5000), policy);
                sleep(10).await;
                drop(timer);
                Ok(())
            })
            .await
            .unwrap();
            log.add("group ended");
            assert_eq!(log.times("cleaned"), [80], "{policy:?}");
            assert_eq!(log.times("group ended"), [80], "{policy:?}");
        });
    }
}

/// G2: a cancelled group stops the timers that were started in it, wherever their handles are.
#[test]
fn a_cancelled_group_stops_its_timers() {
    for policy in POLICIES {
        VirtualClock::run(async {
            let log = Log::default();
            let (l, kept) = (log.clone(), Arc::new(Mutex::new(None)));
            let k = kept.clone();
            let ended = move_on_after(ms(270), async move |_| {
                let timer = create_timer(move |_| tick(l.clone(), 1000, 50), ms(100), policy);
                *k.lock().unwrap() = Some(timer);
                std::future::pending::<()>().await;
            })
            .await;
            assert_eq!(ended, None);
            log.add("ended");
            let started = log.count("start");
            assert_eq!(log.count("cleaned"), started, "{policy:?}");
            assert_eq!(log.times("ended"), [320], "{policy:?}");
            let timer: Timer = kept.lock().unwrap().take().unwrap();
            assert!(!timer.is_running());
            sleep(1000).await;
            assert_eq!(log.count("start"), started);
            timer.cancel().await;
        });
    }
}

#[test]
fn a_group_with_a_grace_lets_ticks_wind_down() {
    VirtualClock::run(async {
        let log = Log::default();
        let l = log.clone();
        let ended = TaskGroup::builder()
            .grace(ms(10_000))
            .scope(async move |tg| {
                create_timer(
                    move |_| {
                        let log = l.clone();
                        async move {
                            log.add("start");
                            aiotools::cancelled().await;
                            sleep(30).await;
                            log.add("wound down");
                        }
                    },
                    ms(100),
                    Policy::Skip,
                )
                .detach();
                sleep(50).await;
                tg.cancel();
                sleep(1).await;
                Ok(())
            })
            .await;
        drop(ended);
        log.add("ended");
        assert_eq!(log.times("wound down"), [80]);
        assert_eq!(log.times("ended"), [80]);
    });
}

#[test]
fn timers_do_not_count_for_max_concurrency() {
    VirtualClock::run(async {
        TaskGroup::builder()
            .max_concurrency(1)
            .scope(async |tg| {
                let timer = create_timer(|_| async {}, ms(10), Policy::Skip);
                let child = tg.spawn(async { sleep(100).await });
                child.await?;
                assert!(timer.ticks() >= 10);
                Ok(())
            })
            .await
            .unwrap();
    });
}

#[test]
fn a_detached_timer_goes_on() {
    VirtualClock::run(async {
        let hits = Arc::new(AtomicU32::new(0));
        let h = hits.clone();
        create_timer(
            move |_| {
                h.fetch_add(1, Relaxed);
                async {}
            },
            ms(10),
            Policy::Skip,
        )
        .detach();
        sleep(95).await;
        assert_eq!(hits.load(Relaxed), 10);
    });
}

/// Stopping while a tick runs, between two, before the first, and twice.
#[test]
fn can_be_stopped_at_any_time() {
    for policy in POLICIES {
        for at in [0, 50, 99, 100, 150, 1000] {
            VirtualClock::run(async {
                let log = Log::default();
                let l = log.clone();
                let timer = create_timer(move |_| tick(l.clone(), 120, 30), ms(100), policy);
                if at > 0 {
                    sleep(at).await;
                }
                timer.cancel().await;
                timer.cancel().await;
                let started = log.count("start");
                let ended = log.count("end") + log.count("cleaned");
                assert_eq!(started, ended, "{policy:?} {at}");
                assert_eq!(timer.running(), 0);
                sleep(1000).await;
                assert_eq!(log.count("start"), started);
            });
        }
    }
}

#[test]
fn a_tick_can_stop_its_own_timer() {
    for policy in POLICIES {
        VirtualClock::run(async {
            let own = Arc::new(Mutex::new(None::<Arc<Timer>>));
            let hits = Arc::new(AtomicU32::new(0));
            let (o, h) = (own.clone(), hits.clone());
            let timer = create_timer(
                move |_| {
                    let (own, hits) = (o.clone(), h.clone());
                    async move {
                        if hits.fetch_add(1, Relaxed) == 2 {
                            let timer = own.lock().unwrap().clone().unwrap();
                            timer.cancel().await;
                        }
                    }
                },
                ms(10),
                policy,
            );
            let timer = Arc::new(timer);
            *own.lock().unwrap() = Some(timer.clone());
            sleep(200).await;
            assert_eq!(hits.load(Relaxed), 3, "{policy:?}");
            assert!(!timer.is_running());
            timer.cancel().await;
        });
    }
}

#[actxmgr]
async fn lease(log: Log) {
    log.add("leased");
    let exit: Exit = yield_!();
    sleep(40).await;
    log.add(format!("released: {exit}"));
}

/// G1: guards in ticks clean up, and the timer waits for that; also where a tick never suspends.
#[test]
fn guards_in_ticks_clean_up() {
    for policy in POLICIES {
        VirtualClock::run(async {
            let log = Log::default();
            let l = log.clone();
            let timer = create_timer(
                move |_| {
                    let log = l.clone();
                    async move { drop(lease(log).await) }
                },
                ms(100),
                policy,
            );
            sleep(210).await;
            timer.cancel().await;
            log.add("stopped");
            assert_eq!(log.count("leased"), 3);
            assert_eq!(
                log.times("released: cancelled"),
                [40, 140, 240],
                "{policy:?}"
            );
            assert_eq!(log.times("stopped"), [240], "{policy:?}");
        });
    }
}

#[test]
fn a_timer_in_a_group_that_has_ended_never_ticks() {
    VirtualClock::run(async {
        let starts = Arc::new(AtomicU32::new(0));
        let s = starts.clone();
        let scope = TaskScope::scope(async |ts| ts).await;
        let refused = scope.spawn(async move {
            s.fetch_add(1, Relaxed);
        });
        assert!(refused.await.unwrap_err().is_refused());
        assert_eq!(starts.load(Relaxed), 0);
    });
}

#[test]
fn errors_reach_the_handler_once_each() {
    for policy in POLICIES {
        VirtualClock::run(async {
            let errors = Arc::new(AtomicU32::new(0));
            let e = errors.clone();
            let timer = TimerBuilder::new(ms(10))
                .policy(policy)
                .on_error(move |_| {
                    e.fetch_add(1, Relaxed);
                    panic!("a handler that fails too");
                })
                .start(|_| async {
                    sleep(3).await;
                    Err::<(), _>("no luck")
                });
            sleep(995).await;
            assert_eq!(timer.ticks(), 100);
            assert_eq!(errors.load(Relaxed), 100, "{policy:?}");
        });
    }
}

/// Start, stop and drop from several threads at once.
#[test]
fn threads_start_and_stop_timers_at_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        for round in 0..20 {
            let running = Arc::new(AtomicU32::new(0));
            TaskGroup::scope(async |tg| {
                for n in 0..6_usize {
                    let running = running.clone();
                    tg.spawn(async move {
                        for step in 0..10_u64 {
                            let running = running.clone();
                            let timer = create_timer(
                                move |_| {
                                    let running = running.clone();
                                    async move {
                                        running.fetch_add(1, Relaxed);
                                        let _guard = Leave(running);
                                        for _ in 0..step % 3 {
                                            tokio::task::yield_now().await;
                                        }
                                    }
                                },
                                std::time::Duration::from_micros(10 + step),
                                POLICIES[(n + step as usize) % 4],
                            );
                            for _ in 0..(round + step) % 5 {
                                tokio::task::yield_now().await;
                            }
                            timer.trigger_now();
                            if step % 2 == 0 {
                                timer.cancel().await;
                            }
                        }
                    })
                    .name();
                }
                Ok(())
            })
            .await
            .unwrap();
            assert_eq!(running.load(Relaxed), 0);
        }
    });
}

struct Leave(Arc<AtomicU32>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[test]
fn a_runtime_that_ends_stops_its_timers() {
    let hits = Arc::new(AtomicU32::new(0));
    let h = hits.clone();
    let timer = VirtualClock::run(async move {
        let timer = create_timer(
            move |_| {
                h.fetch_add(1, Relaxed);
                std::future::pending::<()>()
            },
            ms(10),
            Policy::Accumulate,
        );
        sleep(25).await;
        timer
    });
    assert!(!timer.is_running());
    assert_eq!(hits.load(Relaxed), 3);
    assert_eq!(Arc::strong_count(&hits), 1);
    timer.trigger_now();
    timer.set_interval(ms(5));
}
