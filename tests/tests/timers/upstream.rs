//! TMR-*: `tests/test_timer.py` of the original.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aiotools::{
    TaskGroup, TimerBuilder, TimerDelayPolicy, VirtualClock, catch_cancel, create_timer,
};

use crate::support::{Log, POLICIES, ms, sleep};

/// TMR-01: a 0.1 s timer that is stopped after 0.22 s has called three times, each time with the interval.
#[test]
fn ticks_at_once_and_then_at_each_interval() {
    for policy in POLICIES {
        VirtualClock::run(async {
            let (log, given) = (Log::default(), Arc::new(Mutex::new(Vec::new())));
            let (l, g) = (log.clone(), given.clone());
            let timer = create_timer(
                move |interval| {
                    let (log, given) = (l.clone(), g.clone());
                    async move {
                        log.add("tick");
                        given.lock().unwrap().push(interval);
                    }
                },
                ms(100),
                policy,
            );
            sleep(220).await;
            timer.cancel().await;
            sleep(1000).await;
            assert_eq!(log.times("tick"), [0, 100, 200], "{policy:?}");
            assert_eq!(*given.lock().unwrap(), [ms(100); 3]);
        });
    }
}

/// TMR-02: a callback that always fails does not stop the timer. So does one that panics.
#[test]
fn goes_on_when_ticks_fail_or_panic() {
    for policy in POLICIES {
        for suspends in [false, true] {
            for panics in [false, true] {
                VirtualClock::run(async {
                    let errors = Arc::new(Mutex::new(Vec::new()));
                    let seen = errors.clone();
                    let timer = TimerBuilder::new(Duration::from_secs(1))
                        .policy(policy)
                        .name("unlucky")
                        .on_error(move |err| seen.lock().unwrap().push(err.to_string()))
                        .start(move |_| async move {
                            if suspends {
                                sleep(10).await;
                            }
                            assert!(!panics, "boom");
                            Err::<(), _>(std::io::Error::other("zero division"))
                        });
                    sleep(4500).await;
                    assert!(timer.is_running());
                    assert_eq!(timer.ticks(), 5);
                    timer.cancel().await;
                    assert!(!timer.is_running());
                    let text = if panics {
                        "task `unlucky` panicked: boom"
                    } else {
                        "task `unlucky` failed: zero division"
                    };
                    assert_eq!(*errors.lock().unwrap(), [text; 5], "{policy:?} {suspends}");
                });
            }
        }
    }
}

/// TMR-02, beyond: a callback that panics before it has made its future.
#[test]
fn goes_on_when_the_callback_itself_panics() {
    for policy in POLICIES {
        VirtualClock::run(async {
            let errors = Arc::new(Mutex::new(Vec::new()));
            let seen = errors.clone();
            let timer = TimerBuilder::new(ms(100))
                .policy(policy)
                .on_error(move |err| seen.lock().unwrap().push(err.is_panic()))
                .start(|_| {
                    assert!(VirtualClock::try_current().is_none(), "before its future");
                    std::future::ready(())
                });
            sleep(250).await;
            timer.cancel().await;
            assert_eq!(*errors.lock().unwrap(), [true; 3], "{policy:?}");
        });
    }
}

/// TMR-04: with `Cancel`, a callback of 1 s and an interval of 10 ms, stopped at 95 ms: all ten calls were cancelled, none
/// finished, none is left.
#[test]
fn cancel_leaks_nothing() {
    VirtualClock::run(async {
        let log = Log::default();
        let l = log.clone();
        let done = TaskGroup::scope(async move |tg| {
            let timer = create_timer(
                move |_| {
                    let log = l.clone();
                    async move {
                        log.add("called");
                        match catch_cancel(sleep(1000)).await {
                            Ok(()) => log.add("done"),
                            Err(_) => log.add("cancelled"),
                        }
                    }
                },
                ms(10),
                TimerDelayPolicy::Cancel,
            );
            sleep(95).await;
            timer.cancel().await;
            assert_eq!(timer.running(), 0);
            drop(timer);
            drop(tg);
            Ok(())
        })
        .await;
        done.unwrap();
        assert_eq!(log.count("called"), 10);
        assert_eq!(log.count("cancelled"), 10);
        assert_eq!(log.count("done"), 0);
    });
}

/// TMR-06: with the clock at a present-day date, a sleep of 1 s ends.
#[test]
fn a_clock_with_a_big_value_goes_on() {
    VirtualClock::run(async {
        let clock = VirtualClock::current();
        clock.advance(Duration::from_secs(1_709_591_365)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(clock.elapsed(), Duration::from_secs(1_709_591_366));
    });
}
