//! Which of our types are `Send`, `Sync` and `Unpin`; a table, checked by the compiler.

use std::cell::Cell;
use std::rc::Rc;

use aiotools::cleanup::{CleanupTimedOut, Deadline, Drained, Stats};
use aiotools::{Exit, actxmgr, cleanup};

struct Tx<'a>(&'a mut String);

#[actxmgr]
async fn owned() -> u32 {
    yield_!(1);
}

#[actxmgr]
async fn lending() -> Result<&mut String, std::io::Error> {
    let mut text = String::new();
    yield_!(&mut text);
    Ok(())
}

#[actxmgr]
async fn typed() -> Tx<'_> {
    let mut text = String::new();
    yield_!(Tx(&mut text));
}

/// Its value may go to another thread, but not be shared.
#[actxmgr]
async fn unshared() -> Cell<u32> {
    yield_!(Cell::new(1));
}

#[actxmgr(local)]
async fn local() -> Rc<u32> {
    let held = Rc::new(1);
    yield_!(held.clone());
    drop(held);
}

#[actxmgr(local)]
async fn local_of_what_can_be_sent() -> u32 {
    yield_!(1);
}

#[actxmgr(scoped)]
async fn scoped(text: &str) -> &mut String {
    let mut text = text.to_owned();
    yield_!(&mut text);
}

#[actxmgr(scoped)]
async fn scoped_unsend(n: &Cell<u32>) -> u32 {
    yield_!(n.get());
}

/// What an expression is.
macro_rules! value_of {
    ($value:expr) => {{ if false { Some($value) } else { None } }};
}

/// Asks whether the type of a value has an auto trait, by a method that is found only if so. The value
/// is an `Option`, to say a type without a value.
macro_rules! is {
    ($trait:ident, $value:expr) => {{
        #[allow(unused)]
        trait Otherwise {
            fn answer(&self) -> bool {
                false
            }
        }
        #[allow(dead_code)]
        struct Ask<'a, T>(&'a Option<T>);
        impl<T> Otherwise for &Ask<'_, T> {}
        #[allow(unused)]
        impl<T: $trait> Ask<'_, T> {
            fn answer(&self) -> bool {
                true
            }
        }
        (&Ask(&$value)).answer()
    }};
}

macro_rules! auto_traits {
    ($($value:expr => $send:literal $sync:literal $unpin:literal;)*) => {$(
        let value = value_of!($value);
        assert_eq!(is!(Send, value), $send, "Send: {}", stringify!($value));
        assert_eq!(is!(Sync, value), $sync, "Sync: {}", stringify!($value));
        assert_eq!(is!(Unpin, value), $unpin, "Unpin: {}", stringify!($value));
    )*};
}

#[tokio::test]
#[allow(unreachable_code, reason = "types without values")]
async fn context_auto_traits() {
    let text = String::new();
    let n = Cell::new(0);
    auto_traits! {
        // expression => Send Sync Unpin
        Exit::Completed => true true true;
        std::convert::identity::<Option<CleanupTimedOut>>(None) => true true true;
        std::convert::identity::<Option<Deadline>>(None) => true true true;
        std::convert::identity::<Option<Drained>>(None) => true true true;
        std::convert::identity::<Option<Stats>>(None) => true true true;
        cleanup::drain(std::time::Duration::ZERO) => true true false;

        owned() => true true true;
        owned().enter() => true true true;
        owned().await => true true true;
        owned().await.exit() => true true true;
        owned().scope(async |_| ()) => true false false;

        lending().enter() => true true true;
        lending().await.unwrap() => true true true;
        lending().await.unwrap().exit() => true true true;
        lending().scope(async |text| text.push('a')) => true false false;
        lending().try_scope(async |_| Ok::<_, std::io::Error>(())) => true false false;

        typed().await => true true true;
        typed().scope(async |tx| tx.0.push('a')) => true false false;

        unshared().await => true false true;

        local().enter() => false false true;
        local().await => false false true;
        local().await.exit() => false false true;
        local().scope(async |_| ()) => false false false;
        local_of_what_can_be_sent().await => true true true;

        scoped(&text).scope(async |_| ()) => true false false;
        scoped_unsend(&n).scope(async |_| ()) => false false false;
    }
}

/// Scopes in tasks: with lent values, closures that capture, and awaits within.
#[tokio::test(flavor = "multi_thread")]
async fn context_scopes_in_tasks() {
    async fn fill(text: &mut String) -> usize {
        text.push('a');
        tokio::task::yield_now().await;
        text.push('b');
        text.len()
    }
    let more = String::from("c");
    let task = tokio::spawn(async move {
        let mut sum = lending()
            .scope(async |text| fill(text).await)
            .await
            .unwrap();
        sum += lending()
            .try_scope(async |text| -> Result<usize, std::io::Error> {
                fill(text).await;
                text.push_str(&more);
                Ok(text.len())
            })
            .await
            .unwrap();
        sum += typed().scope(async |tx| fill(tx.0).await).await;
        sum + scoped(&more).scope(async |text| fill(text).await).await
    });
    assert_eq!(task.await.unwrap(), 2 + 3 + 2 + 3);
}

/// Guards in tasks, by reference across awaits, in futures that run side by side.
#[tokio::test(flavor = "multi_thread")]
async fn context_guards_in_tasks() {
    let task = tokio::spawn(async {
        let guard = owned().await;
        let add = async |n: u32| {
            tokio::task::yield_now().await;
            *guard + n
        };
        let sum = tokio::join!(add(1), async { *guard + 2 });
        guard.exit().await;
        sum
    });
    assert_eq!(task.await.unwrap(), (2, 3));
}
