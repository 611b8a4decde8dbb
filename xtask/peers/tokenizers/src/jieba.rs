//! Chinese words.

use std::error::Error;

use jieba_rs::Jieba;

use crate::report::{Report, passes};

pub fn run(work: &str, text: &str) -> Result<Report, Box<dyn Error>> {
    let jieba = Jieba::new();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    Ok(match work {
        "jieba" => passes(|sink| {
            for line in &lines {
                jieba.cut(line, true).iter().for_each(|word| sink.number(word.word.len()));
            }
        }),
        "jieba-tags" => passes(|sink| {
            for line in &lines {
                for word in jieba.tag(line, true) {
                    sink.number(word.word.len());
                    sink.text(word.tag);
                }
            }
        }),
        _ => return Err(format!("jieba-rs does not do {work}").into()),
    })
}
