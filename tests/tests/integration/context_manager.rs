use std::fmt::Display;
use std::time::Duration;

use aiotools::{Exit, actxmgr};
use tokio::time::sleep;

#[actxmgr]
async fn plus_one(a: i32) -> i32 {
    sleep(Duration::from_millis(10)).await;
    let exit: Exit = yield_!(a + 1);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(exit, Exit::Completed);
}

#[derive(Clone, Default)]
struct Db;
#[derive(Debug)]
struct DbError;
#[derive(Debug)]
struct AppError;
impl From<DbError> for AppError {
    fn from(_: DbError) -> Self {
        Self
    }
}
struct Tx {
    rows: u64,
}
impl Db {
    async fn begin(&self) -> Result<Tx, DbError> {
        Ok(Tx { rows: 0 })
    }
}
impl Tx {
    async fn insert(&mut self, n: u64) -> Result<u64, DbError> {
        tokio::task::yield_now().await;
        self.rows += n;
        Ok(self.rows)
    }
    async fn commit(&mut self) -> Result<(), DbError> {
        Ok(())
    }
    async fn rollback(&mut self) -> Result<(), DbError> {
        Ok(())
    }
}

#[actxmgr]
async fn transaction(db: Db) -> Result<&mut Tx, DbError> {
    let mut tx = db.begin().await?;
    match yield_!(&mut tx) {
        Exit::Completed => tx.commit().await,
        _ => tx.rollback().await,
    }
}

#[tokio::test(start_paused = true)]
async fn context_contract_by_usage() {
    let b = plus_one(1).await;
    assert_eq!(*b, 2);
    b.exit().await;
    let r: i32 = plus_one(1).scope(async |b| b * 10).await;
    assert_eq!(r, 20);

    let task = tokio::spawn(async {
        let db = Db;
        let mut tx = transaction(db.clone()).await?;
        tx.insert(1).await?;
        tx.exit().await?;
        let n: Result<u64, DbError> = transaction(db.clone())
            .scope(async |tx| tx.insert(1).await.unwrap())
            .await;
        n?;
        let n: Result<u64, AppError> = transaction(db)
            .try_scope(async |tx| -> Result<u64, AppError> { Ok(tx.insert(1).await?) })
            .await;
        n
    });
    assert_eq!(task.await.unwrap().unwrap(), 1);
}

struct Line<'a>(&'a str, &'a mut u32);

#[actxmgr]
async fn line<T: Display + Send + 'static>((t, mut n): (T, u32)) -> Line<'_> {
    let s = t.to_string();
    yield_!(Line(&s, &mut n));
    assert_eq!(n, 7);
}

#[actxmgr(local, cleanup_timeout = "1s")]
async fn unsend(r: std::rc::Rc<u32>) -> std::io::Result<&u32> {
    yield_!(&r);
    sleep(Duration::from_secs(2)).await;
    Ok(())
}
#[actxmgr]
async fn opaque() -> impl Display {
    yield_!(5);
}

struct Pool(std::cell::Cell<u32>);
impl Pool {
    #[actxmgr(scoped)]
    async fn lease(&self, name: &str) -> (&mut String, &'static str) {
        self.0.set(1);
        let mut s = name.to_string();
        let exit = yield_!((&mut s, "x"));
        self.0.set(if exit == Exit::Completed { 2 } else { 3 });
    }
}

#[tokio::test(start_paused = true)]
async fn context_shapes() {
    let n = tokio::spawn(async {
        line(("a", 1))
            .scope(async |line| {
                tokio::task::yield_now().await;
                *line.1 = 7;
                line.0.len()
            })
            .await
    })
    .await
    .unwrap();
    assert_eq!(n, 1);
    let mut g = line(("a", 1)).await;
    g.with_mut(|l| *l.1 = 7);
    g.exit().await;
    let g = unsend(std::rc::Rc::new(3)).await.unwrap();
    assert_eq!(*g, 3);
    let error = g.exit().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(opaque().scope(async |x| x.to_string()).await, "5");
    let pool = Pool(Default::default());
    assert_eq!(
        pool.lease("abc")
            .scope(async |(a, b)| a.len() + b.len())
            .await,
        4
    );
    assert_eq!(pool.0.get(), 2);
    {
        let mut f = Box::pin(
            pool.lease("abc")
                .scope(async |_| std::future::pending::<()>().await),
        );
        assert!(futures::poll!(&mut f).is_pending());
    }
    assert_eq!(pool.0.get(), 3);
}
