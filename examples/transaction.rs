//! A database transaction as a manager: committed when its body succeeds, rolled back whatever else happens.
//!
//! ```text
//! cargo run --example transaction                      # in a file of its own, removed at the end
//! cargo run --example transaction -- --file bank.db    # in this file, which stays
//! ```
//!
//! To see: four transfers between two accounts in an SQLite file. One succeeds; one fails half way; one runs out of time half way; one is
//! dropped half way. Then the file is opened anew: only the first has happened. Ends with an error if anything else is found.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use aiotools::{BoxError, Exit, actxmgr, cleanup, timeout};
use clap::Parser;
use sqlx::{
    Row, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::time::sleep;

#[derive(Parser)]
#[command(about = "Transactions that are rolled back by `?`, by a timeout, and by a drop")]
struct Args {
    /// The database; without it, a new file that is removed at the end
    #[arg(long)]
    file: Option<PathBuf>,
}

/// Begins, lends the connection, and ends in one of two ways. A drop is told too: what follows the `yield_!` then runs in the background.
#[actxmgr(cleanup_timeout = "5s")]
async fn transaction(pool: SqlitePool) -> Result<&mut SqliteConnection, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    match yield_!(&mut *transaction) {
        Exit::Completed => {
            println!("  commit");
            transaction.commit().await
        }
        why => {
            println!("  roll back: {why}");
            transaction.rollback().await
        }
    }
}

/// Adds first, so that a transfer that fails has done half of its work.
async fn transfer(
    db: &mut SqliteConnection,
    amount: i64,
    pause: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE accounts SET balance = balance + ? WHERE name = 'grace'")
        .bind(amount)
        .execute(&mut *db)
        .await?;
    sleep(pause).await;
    // The table has a CHECK: no account goes below zero.
    sqlx::query("UPDATE accounts SET balance = balance - ? WHERE name = 'ada'")
        .bind(amount)
        .execute(&mut *db)
        .await?;
    Ok(())
}

async fn open(file: &Path) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true);
    SqlitePoolOptions::new()
        .max_connections(2)
        .connect_with(options)
        .await
}

async fn balances(pool: &SqlitePool) -> Result<(i64, i64), sqlx::Error> {
    let rows = sqlx::query("SELECT balance FROM accounts ORDER BY name")
        .fetch_all(pool)
        .await?;
    Ok((rows[0].get(0), rows[1].get(0)))
}

#[aiotools::main(flavor = current_thread)]
async fn main() -> Result<(), BoxError> {
    let args = Args::parse();
    let file = args.file.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("aiotools-transaction-{}.db", std::process::id()))
    });
    let pool = open(&file).await?;
    for statement in [
        "DROP TABLE IF EXISTS accounts",
        "CREATE TABLE accounts (name TEXT PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0))",
        "INSERT INTO accounts VALUES ('ada', 100), ('grace', 0)",
    ] {
        sqlx::query(statement).execute(&pool).await?;
    }

    println!("30 from ada to grace");
    transaction(pool.clone())
        .try_scope(async |db| transfer(db, 30, Duration::ZERO).await)
        .await?;
    assert_eq!(balances(&pool).await?, (70, 30));

    println!("1000, which ada does not have");
    let refused = transaction(pool.clone())
        .try_scope(async |db| transfer(db, 1000, Duration::ZERO).await)
        .await;
    println!("  {}", refused.expect_err("ada has not that much"));
    assert_eq!(balances(&pool).await?, (70, 30));

    // The time limit ends the transfer, waits for the roll-back, and only then is an error.
    println!("20, but too slowly");
    let slow = transaction(pool.clone())
        .try_scope(async |db| transfer(db, 20, Duration::from_secs(60)).await);
    let cut = timeout(Duration::from_millis(50), slow).await;
    println!("  {}", cut.expect_err("it takes a minute"));
    assert_eq!(balances(&pool).await?, (70, 30));

    // A guard, and an early return: nobody waits here, and still it is rolled back.
    println!("20, and a change of mind");
    change_of_mind(pool.clone()).await?;
    let drained = cleanup::drain(Duration::from_secs(5)).await;
    assert!(drained.is_complete(), "{drained}");
    assert_eq!(balances(&pool).await?, (70, 30));

    pool.close().await;
    let (ada, grace) = balances(&open(&file).await?).await?;
    println!("in the file: ada {ada}, grace {grace}");
    assert_eq!((ada, grace), (70, 30));
    if args.file.is_none() {
        std::fs::remove_file(&file)?;
    }
    Ok(())
}

async fn change_of_mind(pool: SqlitePool) -> Result<(), BoxError> {
    let mut db = transaction(pool).await?;
    transfer(&mut db, 20, Duration::ZERO).await?;
    Ok(()) // without `db.exit().await?`
}
