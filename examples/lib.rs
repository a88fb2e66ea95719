//! Examples of aiotools; see `README.md` beside this file.
