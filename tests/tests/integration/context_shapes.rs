//! What a manager may look like: its arguments, its values, its place, its attributes.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use aiotools::{Exit, actxmgr};
use aiotools_tests::trace::Trace;
use tokio::task::yield_now;

/// Lends for as long as the body runs.
#[tokio::test]
async fn context_lends_what_it_keeps() {
    #[actxmgr]
    async fn by_ref() -> &Vec<u32> {
        let kept = vec![1, 2];
        yield_!(&kept);
    }
    #[actxmgr]
    async fn slice() -> &[u32] {
        let kept = vec![1, 2];
        yield_!(&kept);
    }
    #[actxmgr]
    async fn text() -> &mut str {
        let mut kept = String::from("a");
        yield_!(&mut kept);
        assert_eq!(kept, "A");
    }
    #[actxmgr]
    async fn boxed() -> Result<&mut Box<dyn Any + Send>, Box<dyn std::error::Error + Send + Sync>> {
        let mut kept: Box<dyn Any + Send> = Box::new(5);
        yield_!(&mut kept);
        yield_now().await;
        Ok(())
    }
    #[actxmgr]
    async fn boxed_by_ref() -> &Box<dyn Any + Send + Sync> {
        let kept: Box<dyn Any + Send + Sync> = Box::new(5);
        yield_!(&kept);
    }
    #[actxmgr]
    async fn statics() -> &mut Vec<&'static str> {
        let mut kept = vec!["a"];
        yield_!(&mut kept);
        assert_eq!(kept, ["a", "b"]);
    }
    #[actxmgr]
    async fn pair() -> (&mut String, &'static str) {
        let mut kept = String::new();
        yield_!((&mut kept, "b"));
        assert_eq!(kept, "b");
    }
    #[actxmgr]
    async fn perhaps() -> Option<&mut u32> {
        let mut kept = 5;
        yield_!(Some(&mut kept));
        assert_eq!(kept, 6);
    }
    #[actxmgr]
    async fn nested() -> HashMap<&str, &mut u32> {
        let (name, mut kept) = (String::from("n"), 5);
        yield_!(HashMap::from([(name.as_str(), &mut kept)]));
        assert_eq!(kept, 6);
    }
    #[actxmgr]
    async fn lock(mutex: Arc<tokio::sync::Mutex<u32>>) -> tokio::sync::MutexGuard<'_, u32> {
        yield_!(mutex.lock().await);
        assert_eq!(mutex.try_lock().as_deref().copied().ok(), Some(7));
    }
    assert_eq!(by_ref().await.iter().sum::<u32>(), 3);
    assert_eq!(slice().await[1], 2);
    assert_eq!(slice().scope(async |n| n.len()).await, 2);
    let mut guard = text().await;
    guard.make_ascii_uppercase();
    guard.exit().await;
    statics().scope(async |kept| kept.push("b")).await;
    statics().await.push("b");
    let mut guard = boxed().await.unwrap();
    assert_eq!(guard.downcast_mut(), Some(&mut 5));
    guard.exit().await.unwrap();
    assert!(boxed_by_ref().scope(async |any| any.is::<i32>()).await);
    assert!(
        tokio::spawn(boxed_by_ref().scope(async |any| any.is::<i32>()))
            .await
            .unwrap()
    );
    pair().scope(async |(kept, b)| kept.push_str(b)).await;
    perhaps().scope(async |n| *n.unwrap() += 1).await;
    let mut guard = nested().await;
    guard.with_mut(|map| **map.get_mut("n").unwrap() += 1);
    guard.exit().await;
    let mutex = Arc::new(tokio::sync::Mutex::new(5));
    lock(mutex.clone())
        .scope(async |mut n| *n += 1)
        .await_seven(&mutex)
        .await;
}

/// For the test above: sets what the cleanup looks for.
trait AwaitSeven: Future<Output = ()> + Sized {
    async fn await_seven(self, mutex: &tokio::sync::Mutex<u32>) {
        let mut scope = Box::pin(self);
        assert!(mutex.try_lock().map(|mut n| *n += 1).is_ok());
        scope.as_mut().await;
    }
}
impl<F: Future<Output = ()>> AwaitSeven for F {}

#[tokio::test]
async fn context_generic() {
    #[actxmgr]
    async fn show<T, const N: usize>(values: [T; N]) -> Vec<String>
    where
        T: Display + Send + 'static,
    {
        yield_!(values.iter().map(T::to_string).collect());
        drop(values);
    }
    #[actxmgr]
    async fn lend<T: Send + 'static>(value: T) -> Result<&mut T, std::convert::Infallible> {
        let mut value = value;
        yield_!(&mut value);
        Ok(())
    }
    #[actxmgr(scoped)]
    async fn longest<'a, 'b: 'a, T: ?Sized + AsRef<str>>(one: &'a T, other: &'b T) -> &'a str {
        let (one, other) = (one.as_ref(), other.as_ref());
        yield_!(if one.len() > other.len() { one } else { other });
    }
    assert_eq!(*show([1, 2]).await, ["1", "2"]);
    assert_eq!(
        show(["a"; 3]).scope(async |texts| texts.concat()).await,
        "aaa"
    );
    let Ok(mut guard) = lend(String::new()).await;
    guard.push('a');
    let Ok(()) = guard.exit().await;
    let Ok(5) = lend(4).scope(async |n| *n + 1).await else {
        unreachable!("4 + 1")
    };
    assert_eq!(longest("ab", "c").scope(async |text| text.len()).await, 2);
}

#[tokio::test]
async fn context_impl_trait() {
    #[actxmgr]
    async fn doubled(
        numbers: impl IntoIterator<Item = u32> + Send + 'static,
    ) -> impl Iterator<Item = u32> + Send {
        let numbers: Vec<_> = numbers.into_iter().collect();
        yield_!(numbers.into_iter().map(|n| n * 2));
    }
    #[actxmgr(scoped)]
    async fn shown(text: &impl Display) -> impl Display {
        yield_!(text.to_string());
    }
    assert_eq!(doubled([1, 2]).scope(async |n| n.sum::<u32>()).await, 6);
    assert_eq!(shown(&5).scope(async |text| text.to_string()).await, "5");
}

#[tokio::test]
async fn context_pattern_arguments() {
    struct Point {
        x: u32,
        y: u32,
    }
    #[actxmgr]
    async fn sum(
        (a, mut b): (u32, u32),
        Point { x, y: _ }: Point,
        [first, ..]: [u32; 3],
        _: &'static str,
    ) -> u32 {
        b += 1;
        yield_!(a + b + x + first);
    }
    let point = Point { x: 3, y: 0 };
    assert_eq!(point.y, 0);
    assert_eq!(*sum((1, 2), point, [4, 0, 0], "").await, 11);
}

struct Pool {
    trace: Trace,
}

impl Pool {
    #[actxmgr]
    async fn by_arc(self: Arc<Self>, n: u32) -> u32 {
        yield_!(n);
        self.trace.push("by arc");
    }

    #[actxmgr]
    async fn by_value(self) -> &mut Self {
        let mut this = self;
        yield_!(&mut this);
        this.trace.push("by value");
    }

    #[actxmgr]
    async fn by_mut_value(mut self) {
        self.trace.push("made");
        self.trace = self.trace.clone();
        yield_!();
        self.trace.push("by mut value");
    }

    #[actxmgr(scoped)]
    async fn by_ref(&self, name: &str) -> (&str, usize) {
        let name = name.to_uppercase();
        yield_!((&name, self.trace.events().len()));
        self.trace.push("by ref");
    }

    #[actxmgr(scoped)]
    async fn by_mut(&mut self) -> &mut Trace {
        yield_!(&mut self.trace);
        self.trace.push("by mut");
    }

    #[actxmgr]
    async fn associated(trace: Trace) -> Self {
        yield_!(Self {
            trace: trace.clone()
        });
        trace.push("associated");
    }
}

#[tokio::test]
async fn context_methods() {
    let trace = Trace::new();
    let pool = || Pool {
        trace: trace.clone(),
    };
    let shared = Arc::new(pool());
    assert_eq!(*shared.clone().by_arc(5).await, 5);
    shared.clone().by_arc(5).scope(async |_| ()).await;
    assert!(
        shared
            .by_ref("a")
            .scope(async |(name, _)| name == "A")
            .await
    );
    pool()
        .by_value()
        .scope(async |pool| pool.trace.push("body"))
        .await;
    pool().by_mut_value().await.exit().await;
    let mut own = pool();
    own.by_mut().scope(async |trace| trace.push("body")).await;
    Pool::associated(trace.clone()).scope(async |_| ()).await;
    trace.wait_for("by arc").await;
    let events = trace.events();
    let expect = [
        "by ref",
        "body",
        "by value",
        "made",
        "by mut value",
        "body",
        "by mut",
        "associated",
    ];
    let rest: Vec<_> = events.iter().filter(|event| *event != "by arc").collect();
    assert_eq!(rest, expect);
}

mod documented {
    #![deny(missing_docs)]

    /// What the attribute keeps: documentation, visibility, attributes, `unsafe`.
    #[must_use]
    #[aiotools::actxmgr]
    #[doc(alias = "session")]
    #[allow(non_snake_case)]
    pub(crate) async fn Documented() -> u32 {
        yield_!(1);
    }
}

#[tokio::test]
async fn context_attributes_are_kept() {
    assert_eq!(documented::Documented().scope(async |n| n).await, 1);
}

mod renamed {
    use ::aiotools as aio;

    /// Names that mean something else here than everywhere else.
    #[allow(dead_code)]
    pub(super) mod aiotools {}
    #[allow(dead_code)]
    type Result<T> = std::option::Option<T>;
    #[allow(dead_code)]
    struct Option;
    #[allow(dead_code)]
    struct Exit;
    #[allow(dead_code)]
    mod tokio {}

    #[aio::actxmgr(crate = aio)]
    pub(super) async fn renamed(n: u32) -> u32 {
        let exit = yield_!(n + 1);
        assert!(exit.is_completed());
    }

    #[aio::actxmgr(crate = aio, cleanup_timeout = "1s")]
    pub(super) async fn renamed_fallible() -> std::result::Result<u32, std::io::Error> {
        yield_!(1);
        std::result::Result::Ok(())
    }
}

#[tokio::test]
async fn context_crate_is_renamed() {
    assert_eq!(renamed::renamed(1).scope(async |n| n).await, 2);
    assert_eq!(
        renamed::renamed_fallible()
            .scope(async |n| n)
            .await
            .unwrap(),
        1
    );
}

/// `yield_!` is an expression that may stand anywhere in the body.
#[tokio::test]
async fn context_yield_anywhere() {
    #[actxmgr]
    async fn in_a_match(trace: Trace, first: bool) -> u32 {
        let text = match first {
            true if yield_!(1).is_completed() => "commit",
            true => "rollback",
            false => match yield_!(2) {
                Exit::Completed => "commit",
                _ => "rollback",
            },
        };
        trace.push(text);
    }
    #[actxmgr]
    async fn in_a_macro(trace: Trace) -> u32 {
        trace.push(format!("{:?}", { yield_!(1,) }));
    }
    #[actxmgr]
    async fn in_select(trace: Trace) -> &'static str {
        tokio::select! {
            biased;
            () = std::future::ready(()) => {
                let exit = yield_!("ready");
                trace.push(exit);
            }
            () = std::future::pending() => {}
        }
    }
    #[actxmgr]
    async fn with_question_mark(n: &'static str) -> Result<u32, std::num::ParseIntError> {
        yield_!(n.parse()?);
        yield_now().await;
        Ok(())
    }
    let trace = Trace::new();
    assert_eq!(in_a_match(trace.clone(), true).scope(async |n| n).await, 1);
    in_a_match(trace.clone(), false)
        .await
        .exit_with(Exit::Failed)
        .await;
    in_a_macro(trace.clone()).scope(async |_| ()).await;
    in_select(trace.clone()).scope(async |_| ()).await;
    assert_eq!(trace, ["commit", "rollback", "Completed", "completed"]);
    assert_eq!(with_question_mark("5").scope(async |n| n).await, Ok(5));
    assert!(with_question_mark("x").await.is_err());
}
