"""Tables of no known feed: the usual names of their columns in English, German and French."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from beautylens.catalogue.feeds.feed import (
    Sources,
    Understood,
    Variants,
    plain,
    renamed,
    sources_of,
)
from beautylens.catalogue.image_cells import MAIN, picture_columns

# By column of the catalogue, plain names, the best first.
_USUAL: dict[str, tuple[str, ...]] = {
    "product_id": (
        *("product_id", "id", "sku", "item_id", "article_id", "item_number", "article_number"),
        *("product_number", "product_code", "item_code", "product_sku", "handle", "reference"),
        *("artikelnummer", "artikelnr", "artikel_nr", "art_nr", "artnr", "artikel_id"),
        *("produktnummer", "produkt_nr", "produkt_id", "produktid", "bestellnummer", "artikel"),
        *("ref", "ugs", "id_produit", "code_produit", "numero_article", "code_article"),
        "identifiant",
    ),
    "name": (
        *("name", "title", "product_name", "product_title", "item_name", "productname"),
        *("artikelname", "artikelbezeichnung", "produktname", "produktbezeichnung", "bezeichnung"),
        *("titel", "produkttitel", "nom", "nom_produit", "nom_du_produit", "titre", "libelle"),
        *("designation", "intitule"),
    ),
    "brand": (
        *("brand", "brand_name", "brands", "vendor", "manufacturer", "marke", "markenname"),
        *("hersteller", "herstellername", "marque", "fabricant"),
    ),
    "category": (
        *("category", "categories", "product_category", "product_type", "type", "kategorie"),
        *("kategorien", "produktkategorie", "warengruppe", "produkttyp", "categorie", "rubrique"),
        *("famille", "type_de_produit"),
    ),
    "link": (
        *("link", "url", "product_url", "product_link", "permalink", "produktlink", "produkt_url"),
        *("lien", "url_produit", "lien_produit"),
    ),
    "price": (
        *("price", "unit_price", "retail_price", "preis", "verkaufspreis", "vk_preis", "vk"),
        *("bruttopreis", "preis_brutto", "prix", "prix_ttc", "prix_de_vente", "prix_vente"),
    ),
}
_GTIN = re.compile(
    r"gtin|(?:gtin|ean|upc|jan)(?:_?(?:8|12|13|14|a|e))?(?:_(?:code|nr|nummer|number))?|barcodes?"
    r"|(?:ean_)?strichcode|codes?_barres?|gencod|(?:ean_gtin|gtin_ean|code_ean|upc_ean|ean_upc)"
)
# Names of a column of pictures, from the one that certainly has them to the one that may.
_PICTURES = (
    *(MAIN, "images", "image_link", "image_url", "image_src", "image_path", "image_file"),
    *("main_image", "main_image_url", "product_image", "image_links", "image_urls", "img"),
    *("picture", "pictures", "picture_url", "photo", "photos", "photo_url", "img_url"),
    *("bild", "bilder", "bild_url", "bildlink", "bildpfad", "bilddatei", "produktbild", "foto"),
    *("fotos", "bild_link", "url_image", "lien_image", "image_produit", "image_principale"),
    *("path", "file", "filename", "datei", "dateiname", "pfad", "fichier", "chemin"),
)
_NUMBERED = re.compile(r"(.+?)_?\d{1,2}")


def understand(table: pa.Table, chosen: Sources, variants: Variants | None) -> Understood:
    """Return the rows of a table; columns that are not known stay as they are.

    Columns of the catalogue that the table has itself are never taken from others.
    """
    del variants
    taken = {name for several in chosen.values() for name in several}
    names = [name for name in table.column_names if name not in taken]
    known = {target: (target,) if target in names else usual for target, usual in _USUAL.items()}
    sources = sources_of(table.column_names, known, {"image": _pictures(names)} | dict(chosen))
    if "gtin" not in chosen and (gtins := _gtins(names)):
        sources["gtin"] = gtins
    if "product_id" not in sources and "gtin" in sources:
        sources["product_id"] = sources["gtin"][:1]
    sources = {target: sources[target] for target in (*_USUAL, *sources) if target in sources}
    return renamed(table, sources)


def usual_targets(names: Sequence[str]) -> frozenset[str]:
    """Return the columns of the catalogue that any of these names is usual for."""
    found = set(sources_of(names, _USUAL, {}))
    if _pictures(names):
        found.add(MAIN)
    if _gtins(names):
        found.add("gtin")
    return frozenset(found)


def _gtins(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of item numbers: `gtin` alone, or all that are called like one."""
    if "gtin" in names:
        return ("gtin",)
    return tuple(name for name in names if _GTIN.fullmatch(plain(name)))


def _pictures(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of pictures: the main one, and further ones in their order."""
    further = picture_columns(names)
    if MAIN in names:
        return tuple(further)
    by_name: dict[str, list[str]] = {}
    for name in names:
        stem = plain(name)
        numbered = _NUMBERED.fullmatch(stem)
        by_name.setdefault(stem if stem in _PICTURES or not numbered else numbered[1], []).append(
            name
        )
    main = next((by_name[name] for name in _PICTURES if name in by_name), [])
    return tuple(dict.fromkeys([*main, *further]))
