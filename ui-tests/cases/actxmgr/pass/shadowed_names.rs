#![allow(dead_code, unused_macros)]

use ::aiotools as aio;

mod std {}
mod core {}
mod tokio {}
mod aiotools {}

struct Result;
struct Option;
struct Send;
struct Vec;
struct String;
struct Box;
struct Future;
struct Exit;
struct Manager;
struct Ok;
fn drop() {}

trait Blanket {
    fn lend(&self) {}
    fn outcome(&self) {}
    fn with_cleanup_timeout(&self) {}
}
impl<T: ?Sized> Blanket for T {}

macro_rules! yield_ { ($($t:tt)*) => { compile_error!("the outer one") } }
macro_rules! concat { ($($t:tt)*) => { compile_error!("the outer one") } }
macro_rules! module_path { ($($t:tt)*) => { compile_error!("the outer one") } }
macro_rules! panic { ($($t:tt)*) => { compile_error!("the outer one") } }

#[aio::actxmgr(crate = aio)]
async fn first(__aiotools_yield_point: u32, __aiotools_edge: u32, timed_out: u32) -> u32 {
    yield_!(__aiotools_yield_point + __aiotools_edge + timed_out);
}

#[aio::actxmgr(crate = aio, cleanup_timeout = "1s")]
async fn r#match(r#type: u32) -> ::std::io::Result<&u32> {
    yield_!(&r#type);
    ::core::result::Result::Ok(())
}

fn main() {}
