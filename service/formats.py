"""What newsrooms send -> Article, by content. Today: the native JSON form."""

from pydantic import ValidationError

from service.messages import Article, RejectionReason, Status

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DETAIL_MAX_CHARACTERS = 300


class RejectedArticleError(Exception):
    """These bytes are not a valid article.

    Attributes:
        reason: one of the closed set.
        detail: what is wrong and where, for the producer; never a word of the article.
    """

    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail[:_DETAIL_MAX_CHARACTERS]


def parse_article(value: bytes | None) -> Article:
    """Read one article.

    Args:
        value: the message's value as it came.

    Raises:
        RejectedArticleError: it is not a valid article.
    """
    if not value or not value.strip():
        raise RejectedArticleError(RejectionReason.EMPTY_MESSAGE, "the message has no value")
    try:
        article = Article.model_validate_json(value.removeprefix(_BYTE_ORDER_MARK))
    except ValidationError as error:
        raise _explain_rejection(error) from None
    if article.status is Status.USABLE and not (article.title.strip() or article.text.strip()):
        raise RejectedArticleError(
            RejectionReason.NO_TEXT, "a usable article needs a `title` or a `text`"
        )
    return article


def _explain_rejection(error: ValidationError) -> RejectedArticleError:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    match problems[0]["type"]:
        case "json_invalid":
            return RejectedArticleError(RejectionReason.INVALID_JSON, problems[0]["msg"])
        case "model_type":
            return RejectedArticleError(
                RejectionReason.UNKNOWN_FORMAT, "the value is JSON but not an object"
            )
        case _:
            detail = "; ".join(
                f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems
            )
            return RejectedArticleError(RejectionReason.INVALID_ARTICLE, detail)
