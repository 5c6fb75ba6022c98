"""Which objects of a collection a request is about: label selector and field selector together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from infra.lab.apiserver import event_forms
from infra.lab.objects.resource import Resource
from infra.lab.objects.selectors import (
    FieldSelector,
    LabelSelector,
    parse_field_selector,
    parse_label_selector,
)


@dataclass(frozen=True, slots=True)
class Selection:
    """A parsed pair of selectors."""

    labels: LabelSelector
    fields: FieldSelector
    as_new_event: bool = False
    """Events are stored as core/v1 has them; events.k8s.io names their fields otherwise."""

    @classmethod
    def of(cls, resource: Resource, query: Mapping[str, str]) -> Self:
        """The selection a query asks for.

        Raises:
            SelectorError: a selector cannot be parsed, or names a field the resource cannot be selected by.
        """
        fields = parse_field_selector(
            query.get("fieldSelector"), supported=resource.fields, known=resource.known_fields
        )
        return cls(parse_label_selector(query.get("labelSelector")), fields, event_forms.is_new_api(resource))

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.labels.requirements and not self.fields.conditions

    def matches(self, item: Mapping[str, Any]) -> bool:
        """Whether an object is selected."""
        if self.labels.requirements and not self.labels.matches(item["metadata"].get("labels")):
            return False
        if not self.fields.conditions:
            return True
        return self.fields.matches(event_forms.to_new(dict(item)) if self.as_new_event else item)
