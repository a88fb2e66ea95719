//! Context variables.

use aiotools::{TaskGroup, context_var, resetting};

use crate::support::{ms, sleep};

context_var! {
    static NUMBER: u32;
    static TEXT: String;
}

/// CTX-01
#[test]
fn a_value_for_a_call() {
    assert_eq!(NUMBER.get(), None);
    NUMBER.sync_scope(1, || {
        assert_eq!(NUMBER.get(), Some(1));
        NUMBER.sync_scope(2, || assert_eq!(NUMBER.get(), Some(2)));
        assert_eq!(NUMBER.get(), Some(1));
        assert!(
            std::panic::catch_unwind(|| NUMBER.sync_scope(3, || panic!("restored all the same")))
                .is_err()
        );
        assert_eq!(NUMBER.get(), Some(1));
    });
    assert_eq!(NUMBER.get(), None);
}

/// CTX-02
#[tokio::test(start_paused = true)]
async fn a_value_for_a_future() {
    resetting(&NUMBER, 1, async {
        sleep(1).await;
        assert_eq!(NUMBER.get(), Some(1));
        resetting(&NUMBER, 2, async {
            sleep(1).await;
            assert_eq!(NUMBER.get(), Some(2));
        })
        .await;
        assert_eq!(NUMBER.get(), Some(1));
        // Dropped half-way.
        assert!(
            tokio::time::timeout(ms(1), resetting(&NUMBER, 3, sleep(100)))
                .await
                .is_err()
        );
        assert_eq!(NUMBER.get(), Some(1));
    })
    .await;
    assert_eq!(NUMBER.get(), None);
}

#[tokio::test(start_paused = true)]
async fn children_inherit_key_by_key() {
    resetting(
        &NUMBER,
        1,
        resetting(&TEXT, "a".into(), async {
            TaskGroup::scope(async |tg| {
                let child = tg.spawn_infallible(async {
                    sleep(1).await;
                    let grandchild = TaskGroup::scope(async |tg| {
                        Ok(tg
                            .spawn_infallible(async { (NUMBER.get(), TEXT.get()) })
                            .await?)
                    });
                    (
                        NUMBER.get(),
                        resetting(&TEXT, "b".into(), grandchild).await.unwrap(),
                    )
                });
                let without = TEXT
                    .without(async { tg.spawn_infallible(async { (NUMBER.get(), TEXT.get()) }) })
                    .await;
                assert_eq!(without.await?, (Some(1), None));
                assert_eq!(child.await?, (Some(1), (Some(1), Some("b".into()))));
                Ok(())
            })
            .await
            .unwrap();
        }),
    )
    .await;
    TaskGroup::scope(async |tg| {
        assert_eq!(tg.spawn_infallible(async { NUMBER.get() }).await?, None);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_span_is_inherited_if_asked_for() {
    let subscriber = tracing_subscriber::registry();
    let _default = tracing::subscriber::set_default(subscriber);
    let span = tracing::info_span!("request");
    let id = span.id();
    assert!(id.is_some());
    let seen = {
        let _entered = span.enter();
        TaskGroup::builder().inherit_span(true).scope(async |tg| {
            Ok(tg.spawn_infallible(async {
                tokio::task::yield_now().await;
                tracing::Span::current().id()
            }))
        })
    };
    let mut seen = Box::pin(seen);
    // The body runs, and spawns, inside the span.
    let handle = std::future::poll_fn(|cx| {
        let _entered = span.enter();
        seen.as_mut().poll(cx)
    })
    .await
    .unwrap();
    assert_eq!(handle.await.unwrap(), id);
}
