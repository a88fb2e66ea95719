//! The live tree.

use aiotools::{TaskGroup, TaskScope, catch_cancel, task::dump};

use crate::support::{ms, sleep};

#[tokio::test(start_paused = true)]
async fn what_is_seen() {
    let _ = TaskGroup::builder()
        .name("seen group")
        .scope(async |tg| {
            drop(tg.spawn_named("seen worker", async {
                TaskScope::builder()
                    .name("seen scope")
                    .scope(async |ts| {
                        drop(ts.spawn(sleep(1000)));
                        let _ = catch_cancel(sleep(1000)).await;
                        sleep(50).await;
                    })
                    .await;
            }));
            drop(tg.spawn(sleep(1000)));
            sleep(10).await;
            let before = dump();
            let group = before.find("seen group").unwrap();
            assert_eq!(
                (group.kind(), group.state(), group.children().len()),
                ("group", "running", 2)
            );
            assert!(group.location().file().ends_with("dump.rs"));
            assert!(group.age().is_some());
            let scope = before.find("seen scope").unwrap();
            assert!(
                scope
                    .children()
                    .iter()
                    .any(|child| child.kind() == "catch_cancel")
            );
            assert!(
                scope
                    .children()
                    .iter()
                    .any(|child| child.state() == "waiting")
            );
            let text = group.to_string();
            assert!(text.starts_with("group `seen group` at "), "{text}");
            assert!(text.contains("\n  task `seen worker` at "), "{text}");
            tg.cancel_with("looked at");
            tokio::task::yield_now().await;
            sleep(10).await;
            Ok(())
        })
        .await;
    assert!(dump().find("seen group").is_none());
}

#[tokio::test(start_paused = true)]
async fn why_something_is_ending() {
    let group = tokio::spawn(TaskGroup::builder().name("ending group").scope(async |tg| {
        drop(tg.spawn_named("ending worker", async {
            let caught = catch_cancel(sleep(10_000)).await;
            sleep(100).await;
            caught
        }));
        sleep(10).await;
        tg.cancel_with("looked at");
        Ok(())
    }));
    sleep(50).await;
    let dump = dump();
    let group_entry = dump.find("ending group").unwrap();
    assert_eq!(
        (group_entry.state(), group_entry.reason()),
        ("cancelling", Some("looked at"))
    );
    let worker = dump.find("ending worker").unwrap();
    assert_eq!(
        (worker.state(), worker.reason(), worker.cancelling()),
        ("cancelling", Some("looked at"), 1)
    );
    tokio::time::timeout(ms(1000), group)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
