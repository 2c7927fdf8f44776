"""How do answers leave the building? REST, the command line and the use cases behind both; no maths.

- `service.api`: the FastAPI application, a router per tag; `service.schemas`: requests and answers by router
- `service.cli`: the command line, a module per command
- use cases, one per file: `deal_insight`, `forecasts`, `goals`, `recommendations`, `model_admin`, `tables`;
  `use_cases.UseCases.open(settings)` builds them around one `serving_state.ServingState`
- around them: `settings`, `keys`, `logs`, `language`, `problems`, `messages`
"""
