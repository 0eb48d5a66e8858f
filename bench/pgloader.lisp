;;; What pgloader lacks for Jellyfin's file: JSON arrays become PostgreSQL's, and integers of 2^62 and more pass.
(in-package :pgloader.transforms)
(defun json-array-to-postgres (text)
  (when text (substitute #\} #\] (substitute #\{ #\[ text))))
(defun any-integer (number)
  (when number (princ-to-string number)))
(export '(json-array-to-postgres any-integer))
