"""What every room uses: errors, progress, files, words."""
