//! From one sequence to another: encoder, bridge, decoder.

mod bridge;
mod decoder;
mod encoder;
mod model;
mod places;
mod scorer;

pub use bridge::{Bridge, BridgeKind};
pub use decoder::{Decoder, DecoderOutput, DecoderState, DecoderStep};
pub use encoder::{Encoded, Encoder};
pub use model::{Seq2Seq, Seq2SeqConfig, Teacher};
pub use scorer::Seq2SeqScorer;

/// Implements [`nn::Module`] for a struct generic over element and cell: fields with parameters, then the others.
macro_rules! cell_module {
    ($name:ident { $($field:ident),* ; $($other:ident),* }) => {
        impl<E: tensor::Element, C: nn::Module<E>> nn::Module<E> for $name<E, C> {
            fn visit<'a>(&'a self, path: &mut nn::Path, visitor: &mut nn::Visitor<'_, 'a, E>) {
                let Self { $($field,)* $($other: _,)* } = self;
                $(path.scope(stringify!($field), |path| nn::Module::<E>::visit($field, path, visitor));)*
            }
            fn visit_mut<'a>(&'a mut self, path: &mut nn::Path, visitor: &mut nn::VisitorMut<'_, 'a, E>) {
                let Self { $($field,)* $($other: _,)* } = self;
                $(path.scope(stringify!($field), |path| nn::Module::<E>::visit_mut($field, path, visitor));)*
            }
        }
    };
}
pub(crate) use cell_module;
