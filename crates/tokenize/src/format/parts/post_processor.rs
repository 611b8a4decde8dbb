//! `post_processor`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::component::{Component, brief};
use super::super::ordered::Json;
use super::pre_tokenizer::{read_byte_level, write_byte_level};
use super::{read_token, write_token};
use crate::error::Error;
use crate::post::{
    BertProcessing, PostProcessor, RobertaProcessing, TemplatePiece, TemplateProcessing, TemplateToken,
};

pub(in super::super) fn read_post_processor(mut component: Component<'_>) -> Result<PostProcessor, Error> {
    let post_processor = match component.kind.as_str() {
        "BertProcessing" => PostProcessor::Bert(BertProcessing {
            sep: read_token(&mut component, "sep")?,
            cls: read_token(&mut component, "cls")?,
        }),
        "RobertaProcessing" => PostProcessor::Roberta(RobertaProcessing {
            sep: read_token(&mut component, "sep")?,
            cls: read_token(&mut component, "cls")?,
            trim_offsets: component.flag("trim_offsets")?,
            add_prefix_space: component.flag("add_prefix_space")?,
        }),
        "ByteLevel" => PostProcessor::ByteLevel(read_byte_level(&mut component)?),
        "TemplateProcessing" => PostProcessor::Template(read_template(&mut component)?),
        "Sequence" => PostProcessor::Sequence(component.components("processors", read_post_processor)?),
        _ => return Err(component.unknown()),
    };
    component.finish()?;
    Ok(post_processor)
}

fn read_template(component: &mut Component<'_>) -> Result<TemplateProcessing, Error> {
    let single = read_pieces(component, "single")?;
    let pair = read_pieces(component, "pair")?;
    let tokens = component.take("special_tokens").unwrap_or_default();
    let mut tokens = component.inner("special_tokens", tokens)?;
    let mut special_tokens = BTreeMap::new();
    for (name, value) in tokens.drain() {
        let mut token = tokens.inner(&name, value)?;
        if token.text("id")? != name {
            return Err(token.error("its id is another than the name under which it stands"));
        }
        let ids = token.field("ids", "a list of ids", |value| {
            value.as_array()?.iter().map(|id| u32::try_from(id.as_u64()?).ok()).collect()
        })?;
        let texts = token.field("tokens", "a list of strings", |value| {
            value.as_array()?.iter().map(|text| Some(text.as_str()?.to_owned())).collect()
        })?;
        token.finish()?;
        special_tokens.insert(name, TemplateToken { ids, tokens: texts });
    }
    component.lift(TemplateProcessing::from_pieces(single, pair, special_tokens))
}

/// `[{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]`.
fn read_pieces(component: &mut Component<'_>, name: &str) -> Result<Vec<TemplatePiece>, Error> {
    let Some(Value::Array(values)) = component.take(name) else {
        return Err(component.error(format!("the template {name} is missing: expected a list")));
    };
    let mut pieces = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let place = format!("{name}[{index}]");
        let error = |value: &Value| {
            component.error(format!("{place}: expected Sequence or SpecialToken, found {}", brief(value)))
        };
        let Value::Object(fields) = &value else { return Err(error(&value)) };
        let mut fields = fields.clone().into_iter();
        let (Some((kind, piece)), None) = (fields.next(), fields.next()) else { return Err(error(&value)) };
        let mut piece = component.inner(&place, piece)?;
        pieces.push(match kind.as_str() {
            "Sequence" => TemplatePiece::Sequence {
                sequence: piece.choice("id", &[("A", 0), ("B", 1)])?,
                type_id: piece.id("type_id")?,
            },
            "SpecialToken" => {
                TemplatePiece::SpecialToken { name: piece.text("id")?, type_id: piece.id("type_id")? }
            }
            _ => return Err(error(&value)),
        });
        piece.finish()?;
    }
    Ok(pieces)
}

pub(in super::super) fn write_post_processor(post_processor: &PostProcessor) -> Json {
    match post_processor {
        PostProcessor::Bert(BertProcessing { sep, cls }) => {
            Json::component("BertProcessing", [("sep", write_token(sep)), ("cls", write_token(cls))])
        }
        PostProcessor::Roberta(roberta) => Json::component(
            "RobertaProcessing",
            [
                ("sep", write_token(&roberta.sep)),
                ("cls", write_token(&roberta.cls)),
                ("trim_offsets", Json::Bool(roberta.trim_offsets)),
                ("add_prefix_space", Json::Bool(roberta.add_prefix_space)),
            ],
        ),
        PostProcessor::ByteLevel(level) => write_byte_level(*level),
        PostProcessor::Template(template) => write_template(template),
        PostProcessor::Sequence(steps) => {
            Json::component("Sequence", [("processors", Json::list(steps, write_post_processor))])
        }
    }
}

fn write_template(template: &TemplateProcessing) -> Json {
    let piece = |piece: &TemplatePiece| {
        let (kind, id, type_id) = match piece {
            TemplatePiece::Sequence { sequence, type_id } => {
                ("Sequence", if *sequence == 0 { "A" } else { "B" }, type_id)
            }
            TemplatePiece::SpecialToken { name, type_id } => ("SpecialToken", name.as_str(), type_id),
        };
        let fields = [("id", Json::text(id)), ("type_id", Json::Whole(u64::from(*type_id)))];
        Json::object([(kind, Json::object(fields))])
    };
    let token = |(name, token): (&String, &TemplateToken)| {
        let fields = [
            ("id", Json::text(name)),
            ("ids", Json::list(&token.ids, |&id| Json::Whole(u64::from(id)))),
            ("tokens", Json::list(&token.tokens, Json::text)),
        ];
        (name.clone(), Json::object(fields))
    };
    Json::component(
        "TemplateProcessing",
        [
            ("single", Json::list(template.single(), piece)),
            ("pair", Json::list(template.pair(), piece)),
            ("special_tokens", Json::Object(template.special_tokens().iter().map(token).collect())),
        ],
    )
}
