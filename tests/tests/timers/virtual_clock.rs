//! The virtual clock.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use aiotools::{TaskGroup, VirtualClock, time::system_time};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{ms, sleep};

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    let began = Instant::now();
    VirtualClock::run(async {
        let clock = VirtualClock::current();
        let order = Arc::new(Mutex::new(Vec::new()));
        TaskGroup::scope(async |tg| {
            for hours in [3_u64, 1, 24, 2] {
                let (order, clock) = (order.clone(), clock.clone());
                drop(tg.spawn(async move {
                    sleep(hours * 3_600_000).await;
                    order.lock().unwrap().push(hours);
                    assert_eq!(clock.elapsed().as_secs(), hours * 3600);
                }));
            }
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(*order.lock().unwrap(), [1, 2, 3, 24]);
    });
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn the_date_follows() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    VirtualClock::builder().system_time(start).run(async {
        sleep(86_400_000).await;
        assert_eq!(system_time(), start + Duration::from_secs(86_400));
        VirtualClock::current().set_system_time(SystemTime::UNIX_EPOCH);
        sleep(1000).await;
        assert_eq!(system_time(), SystemTime::UNIX_EPOCH + ms(1000));
        let inside = tokio::task::spawn_blocking(system_time).await.unwrap();
        assert_eq!(inside, system_time());
    });
    assert!(system_time() > start);
}

#[test]
fn advance_lets_everything_happen_in_order() {
    VirtualClock::builder().auto_advance(false).run(async {
        let clock = VirtualClock::current();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (s, c) = (seen.clone(), clock.clone());
        let task = tokio::spawn(async move {
            for _ in 0..5 {
                sleep(100).await;
                s.lock().unwrap().push(c.elapsed().as_millis());
            }
        });
        clock.advance(ms(250)).await;
        assert_eq!(*seen.lock().unwrap(), [100, 200]);
        assert_eq!(clock.elapsed(), ms(250));
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        assert_eq!(clock.elapsed(), ms(250));
        clock.set_auto_advance(true);
        task.await.unwrap();
        assert_eq!(clock.elapsed(), ms(500));
    });
}

fn failure(run: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().unwrap().to_string(),
    }
}

#[test]
fn what_can_never_wake_up_fails_with_the_tree() {
    let text = failure(|| {
        VirtualClock::builder().stall_timeout(ms(100)).run(async {
            TaskGroup::builder()
                .name("stuck")
                .scope(async |tg| {
                    sleep(5000).await;
                    tg.spawn_named("waiter", std::future::pending::<()>())
                        .await?;
                    Ok(())
                })
                .await
                .unwrap();
        });
    });
    assert!(text.contains("can never wake up again"), "{text}");
    assert!(text.contains("task `waiter`"), "{text}");
}

#[test]
fn a_clock_that_nobody_advances_is_stuck() {
    let text = failure(|| {
        VirtualClock::builder()
            .stall_timeout(ms(100))
            .auto_advance(false)
            .run(sleep(1000));
    });
    assert!(text.contains("nobody advances the clock"), "{text}");
}

/// The subject is real time: work on another thread that takes longer than the clock would wait.
#[test]
fn blocking_work_is_not_misjudged() {
    VirtualClock::builder().stall_timeout(ms(200)).run(async {
        let clock = VirtualClock::current();
        let late = tokio::spawn(sleep(60_000));
        let blocking = tokio::task::spawn_blocking(|| real_nap(600));
        blocking.await.unwrap();
        assert_eq!(clock.elapsed(), Duration::ZERO);
        assert!(!late.is_finished());
        late.await.unwrap();
    });
}

/// Real time is the subject.
#[expect(clippy::disallowed_methods, reason = "on a thread of its own")]
fn real_nap(millis: u64) {
    std::thread::sleep(ms(millis));
}

/// The subject is real time: an answer that comes over a socket, beside a timeout.
#[cfg(target_os = "linux")]
#[test]
fn real_io_does_not_time_out() {
    VirtualClock::builder()
        .io_grace(Duration::from_secs(2))
        .run(answered(20));
}

#[cfg(target_os = "linux")]
#[test]
fn both_ends_of_a_socket_in_one_runtime() {
    VirtualClock::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let echo = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut bytes = [0; 5];
        for _ in 0..200 {
            stream.write_all(b"hello").await.unwrap();
            let read = stream.read_exact(&mut bytes);
            tokio::time::timeout(ms(1), read).await.unwrap().unwrap();
        }
        drop(stream);
        echo.await.unwrap();
        assert_eq!(VirtualClock::current().elapsed(), Duration::ZERO);
        sleep(1000).await;
    });
}

/// The subject is real time.
#[test]
fn what_is_known_to_be_real_stops_the_clock() {
    VirtualClock::builder().stall_timeout(ms(400)).run(async {
        let clock = VirtualClock::current();
        let (send, receive) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            real_nap(100);
            send.send(7).unwrap();
        });
        let timer = tokio::spawn(sleep(10));
        assert_eq!(clock.real(receive).await, Ok(7));
        assert_eq!(clock.elapsed(), Duration::ZERO);
        timer.await.unwrap();
    });
}

#[test]
fn misuse_says_what_to_do() {
    let text = failure(|| {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(async { VirtualClock::run(async {}) });
    });
    assert!(text.contains("#[aiotools::test(virtual_clock)]"), "{text}");
    let text = failure(|| drop(VirtualClock::current()));
    assert!(text.contains("there is no virtual clock here"), "{text}");
}

#[test]
fn a_timeout_counts_virtual_and_real_time() {
    let text = failure(|| {
        VirtualClock::builder()
            .timeout(Duration::from_secs(60))
            .run(std::future::pending::<()>());
    });
    assert!(text.contains("within 60s of virtual time"), "{text}");
    assert!(late_in_real_time().contains("of real time"));
}

/// What a clock says that waits in vain, in real time.
fn late_in_real_time() -> String {
    failure(|| {
        VirtualClock::builder().timeout(ms(50)).run(async {
            let (_keep, never) = tokio::sync::oneshot::channel::<()>();
            drop(VirtualClock::current().real(never).await);
        });
    })
}

fn plain_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A regression: a runtime that has ended, but whose handle has not, has the number of a descriptor registered that is another one by now.
/// The clock took its descriptor for that of its own runtime, and waited for ever.
#[cfg(target_os = "linux")]
#[test]
fn is_not_misled_by_a_runtime_that_has_ended() {
    fn files<const N: usize>() -> [std::fs::File; N] {
        [(); N].map(|()| std::fs::File::open("/dev/null").unwrap())
    }
    drop(plain_runtime());
    // Other tests open descriptors, too, so the numbers may not always be as they should.
    for _ in 0..10 {
        let (low, middle) = (files::<3>(), files::<4>());
        drop(low);
        // Its own have the low numbers, and one behind those in the middle.
        let runtime = plain_runtime();
        let handle = runtime.handle().clone();
        drop(runtime);
        let low = files::<1>();
        // That number is the fifth that is free, and the clock's runtime has four.
        drop(middle);
        let (send, received) = std::sync::mpsc::channel();
        std::thread::spawn(move || send.send(late_in_real_time()));
        let text = received.recv_timeout(Duration::from_secs(30));
        let text = text.expect("the clock noticed its limit");
        assert!(text.contains("of real time"), "{text}");
        drop((low, handle));
    }
}

/// A regression: the clock and its runtime referred to each other.
#[cfg(target_os = "linux")]
#[test]
fn leaves_no_descriptor_behind() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    for _ in 0..200 {
        VirtualClock::run(sleep(10));
    }
    // Other tests have some, too.
    assert!(open() < before + 150, "{before} before, {} after", open());
}

/// The subject is real time: clocks in many threads, each with a real peer, beside runtimes that come and go.
#[cfg(target_os = "linux")]
#[test]
fn many_clocks_with_real_io_side_by_side() {
    let threads: Vec<_> = (0..6)
        .map(|n| {
            std::thread::spawn(move || {
                for _ in 0..8 {
                    let other = plain_runtime();
                    let _handle = (n % 2 == 0).then(|| other.handle().clone());
                    drop(other);
                    VirtualClock::builder()
                        .io_grace(Duration::from_secs(2))
                        .run(answered(5));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Hears so many pings from another thread, without virtual time passing.
#[cfg(target_os = "linux")]
async fn answered(pings: u32) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let peer = std::thread::spawn(move || {
        use std::io::Write;
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        for _ in 0..pings {
            real_nap(2);
            stream.write_all(b"ping").unwrap();
        }
    });
    let (mut stream, _) = listener.accept().await.unwrap();
    drop(listener);
    let mut bytes = [0; 4];
    for _ in 0..pings {
        tokio::time::timeout(ms(1), stream.read_exact(&mut bytes))
            .await
            .expect("the clock did not jump")
            .unwrap();
    }
    assert_eq!(VirtualClock::current().elapsed(), Duration::ZERO);
    peer.join().unwrap();
}

/// The subject is real time: what another thread does to the clock is heard.
#[test]
fn another_thread_may_use_the_clock() {
    VirtualClock::builder().auto_advance(false).run(async {
        let clock = VirtualClock::current();
        clock.advance(ms(500)).await;
        let other = clock.clone();
        let thread = std::thread::spawn(move || {
            real_nap(20);
            assert_eq!(other.elapsed(), ms(500));
            futures::executor::block_on(other.advance(ms(250)));
            assert_eq!(other.elapsed(), ms(750));
            futures::executor::block_on(other.real(async { real_nap(20) }));
            other.set_auto_advance(true);
        });
        sleep(1000).await;
        assert_eq!(clock.elapsed(), ms(1500));
        thread.join().unwrap();
    });
}

/// A failure does not wait for what may never end.
#[test]
fn a_test_that_fails_leaves_blocking_work_behind() {
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let text = failure(|| {
        VirtualClock::builder().timeout(ms(100)).run(async {
            let work = tokio::task::spawn_blocking(move || wait.recv());
            drop(work.await);
        });
    });
    assert!(text.contains("within 100ms of real time"), "{text}");
    drop(end);
}
