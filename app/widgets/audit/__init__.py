"""Parts of the page *False negatives* beyond the anchor and its negatives."""
