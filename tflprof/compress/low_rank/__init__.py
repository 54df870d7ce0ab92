"""Low rank: layers factorised into thinner ones."""
