extern crate aiotools as renamed;

mod reexport {
    pub use aiotools::*;
}

#[reexport::actxmgr(crate = crate::reexport)]
async fn reexported() -> u32 {
    yield_!(1);
}

mod inner {
    #[super::reexport::actxmgr(crate = super::reexport, scoped)]
    pub async fn relative(text: &str) -> usize {
        yield_!(text.len());
    }
}

#[renamed::actxmgr(crate = renamed)]
async fn renamed_dependency() -> u32 {
    yield_!(1);
}

fn main() {}
